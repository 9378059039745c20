"""ncnn: a file that is converted to its format, or one that is in it already."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import cannot_load
from resnet_export.errors import RuntimeFailedError
from resnet_export.optional import require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.targets import artefact_of
from resnet_export.targets.ncnn import pnnx
from resnet_export.targets.signature import signature_of

INPUT, OUTPUT = "in0", "out0"
"""pnnx's names."""


@dataclass(frozen=True)
class NcnnOptions(CpuOptions):
    """How ncnn runs the file."""

    precision: Literal["float32", "float16"] = "float32"
    """The type in which it keeps and multiplies numbers; by itself it takes float16."""


class NcnnSession(Session):
    """A network in ncnn's format, for one image of the file's size."""

    name = "ncnn"
    batches = (1,)

    def __init__(self, path: Path, options: NcnnOptions) -> None:
        self._ncnn = require("ncnn")
        self.precision = options.precision
        half = options.precision == "float16"
        self._signature = signature_of(path, "ncnn")
        self._net: Any = self._ncnn.Net()
        self._net.opt.use_fp16_packed = self._net.opt.use_fp16_storage = self._net.opt.use_fp16_arithmetic = half
        # Winograd's F(6x6, 3x3) multiplies the rounding error by up to ten, which is no longer float32's.
        self._net.opt.use_winograd63_convolution = half
        if options.threads is not None:
            self._net.opt.num_threads = options.threads
        with artefact_of("ncnn", path, half=half) as file:
            self._load(file, path)
        self._check_output(path)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output, (1, ...)."""
        if self._signature:
            self._signature.check(images, self.name)
        if len(images) != 1:
            raise RuntimeFailedError(f"ncnn takes one image a run, not {len(images)}.", hint="Give one.")
        image = np.ascontiguousarray(images[0])  # a matrix borrows its memory
        extractor = self._net.create_extractor()
        # A first layer that works in place, such as a scaling of the pixels, crashes on memory that is borrowed.
        extractor.input(INPUT, self._ncnn.Mat(image).clone())
        failed, output = extractor.extract(OUTPUT)
        if failed:
            raise RuntimeFailedError(f"ncnn fails while it runs the network (code {failed}).", hint="Use ort:cpu.")
        return np.array(output)[np.newaxis]

    def close(self) -> None:
        """Frees the network."""
        self._net.clear()

    def _load(self, file: Path, path: Path) -> None:
        kinds = {line.split()[0] for line in file.read_text().splitlines()[2:] if line.strip()}
        unknown = sorted(kind for kind in kinds if self._ncnn.layer_to_index(kind) < 0)
        if unknown:
            raise cannot_load(self.name, path, f"it has no layer {', '.join(unknown)}")
        if self._net.load_param(str(file)) or self._net.load_model(str(file.with_suffix(".bin"))):
            raise cannot_load(self.name, path, "what pnnx made of it is damaged")
        if INPUT not in self._net.input_names() or OUTPUT not in self._net.output_names():
            raise cannot_load(self.name, path, "what pnnx made of it has no input or no output")

    def _check_output(self, path: Path) -> None:
        """Runs it once, where the file tells its sizes: pnnx reports success whatever it wrote."""
        if self._signature is None:
            return
        wanted = self._signature.output_shape
        output = self.run(np.zeros((1, *self._signature.shape[1:]), np.float32))  # type: ignore[arg-type] # all known
        fits = wanted is None or (
            output.ndim == len(wanted) and all(map(lambda a, b: b in (None, a), output.shape[1:], wanted[1:]))
        )
        if not fits or not np.isfinite(output).all():
            raise cannot_load(self.name, path, f"what pnnx made of it gives an output of {output.shape}")


def probe() -> str:
    """The versions of ncnn and its converter, see `Runtime.probe`."""
    ncnn = require("ncnn")
    pnnx()
    return f"ncnn {ncnn.__version__} with pnnx {importlib.metadata.version('pnnx')}, CPU"


RUNTIME = Runtime(NcnnOptions, probe, NcnnSession)
