"""ncnn, through its converter pnnx."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from resnet_export.errors import MissingDependencyError, RuntimeFailedError
from resnet_export.optional import require
from resnet_export.runtimes.converters import convert
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.reasons import cannot_load
from resnet_export.runtimes.session import BaseSession
from resnet_export.runtimes.signature import read_signature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export.runtimes.signature import Signature

INPUT, OUTPUT = "in0", "out0"
"""pnnx's names."""


@dataclass(frozen=True)
class NcnnOptions(CpuOptions):
    """How ncnn runs the file."""

    precision: Literal["float32", "float16"] = "float32"
    """In what it keeps and multiplies numbers; by itself it takes float16."""


class NcnnSession(BaseSession):
    """A file, converted for one image of the file's size."""

    name = "ncnn"
    batches = (1,)

    def __init__(self, path: Path, options: NcnnOptions) -> None:
        self._ncnn = require("ncnn")
        self.precision = options.precision
        program = _pnnx()
        self._signature = read_signature(path, self.name)
        shape = _single_image(self._signature, path)
        self._net: Any = self._ncnn.Net()
        half = options.precision == "float16"
        self._net.opt.use_fp16_packed = self._net.opt.use_fp16_storage = self._net.opt.use_fp16_arithmetic = half
        # Winograd's F(6x6, 3x3) multiplies the rounding error by up to ten, which is no longer float32's.
        self._net.opt.use_winograd63_convolution = half
        if options.threads is not None:
            self._net.opt.num_threads = options.threads
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copyfile(path, folder / "net.onnx")
            files = [folder / "net.ncnn.param", folder / "net.ncnn.bin"]
            sizes = f"inputshape=[{','.join(map(str, shape))}]f32"
            convert(self.name, path, [str(program), "net.onnx", sizes, f"fp16={int(half)}"], files, "failed")
            self._load(files, path)
        self._check_output(np.zeros(shape, np.float32), path)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output, (1, ...)."""
        self._signature.check(images, self.name)
        if len(images) != 1:
            raise RuntimeFailedError(f"ncnn takes one image a run, not {len(images)}.", hint="Give one.")
        image = np.ascontiguousarray(images[0])  # ncnn's matrix borrows its memory
        extractor = self._net.create_extractor()
        extractor.input(INPUT, self._ncnn.Mat(image))
        failed, output = extractor.extract(OUTPUT)
        if failed:
            raise RuntimeFailedError(f"ncnn fails while it runs the network (code {failed}).", hint="Use ort:cpu.")
        return np.array(output)[np.newaxis]

    def close(self) -> None:
        """Frees the network."""
        self._net.clear()

    def _load(self, files: list[Path], path: Path) -> None:
        kinds = {line.split()[0] for line in files[0].read_text().splitlines()[2:] if line.strip()}
        unknown = sorted(kind for kind in kinds if self._ncnn.layer_to_index(kind) < 0)
        if unknown:
            raise cannot_load(self.name, path, f"it has no layer {', '.join(unknown)}")
        if self._net.load_param(str(files[0])) or self._net.load_model(str(files[1])):
            raise cannot_load(self.name, path, "what pnnx made of it is damaged")

    def _check_output(self, image: NDArray[Any], path: Path) -> None:
        """Runs it once: pnnx reports success whatever it wrote."""
        if INPUT not in self._net.input_names() or OUTPUT not in self._net.output_names():
            raise cannot_load(self.name, path, "what pnnx made of it has no input or no output")
        output, wanted = self.run(image), self._signature.output_shape
        fits = output.ndim == len(wanted) and all(map(lambda a, b: b in (None, a), output.shape[1:], wanted[1:]))
        if not fits or not np.isfinite(output).all():
            raise cannot_load(self.name, path, f"what pnnx made of it gives an output of {output.shape}")


class Ncnn:
    """ncnn on the CPU."""

    options = NcnnOptions

    def check(self) -> str:
        """Its version and its converter's, see `Runtime.check`."""
        ncnn = require("ncnn")
        _pnnx()
        return f"ncnn {ncnn.__version__} with pnnx {importlib.metadata.version('pnnx')}, CPU"

    def open(self, path: Path, options: NcnnOptions) -> NcnnSession:
        """Converts and loads a file, see `Runtime.open`."""
        return NcnnSession(path, options)


RUNTIME = Ncnn()


def _pnnx() -> Path:
    """The converter's program; its Python package would import torch.

    Raises:
        MissingDependencyError: it is not installed.
    """
    found = importlib.util.find_spec("pnnx")
    for folder in (found and found.submodule_search_locations) or []:
        program = Path(folder) / ("pnnx.exe" if os.name == "nt" else "pnnx")
        if program.is_file():
            return program
    raise MissingDependencyError(
        "ncnn needs its converter for this: pnnx is not installed.",
        hint="Install it with: pip install --no-deps pnnx",
    )


def _single_image(signature: Signature, path: Path) -> tuple[int, ...]:
    """The shape of one image with its batch of 1."""
    batch, *sizes = signature.shape or (None,)
    if signature.dtype != np.float32:
        raise cannot_load("ncnn", path, f"it takes {signature.dtype} images, and ncnn float32 only")
    if batch not in (None, 1):
        raise cannot_load("ncnn", path, f"it takes {batch} images a run, and ncnn one")
    known = [size for size in sizes if size is not None]
    if len(known) != len(sizes) or len(known) != 3:
        raise cannot_load("ncnn", path, "it leaves the size of its images open, and pnnx needs it")
    return (1, *known)
