"""ncnn's format, through its converter pnnx: for one image of the file's size."""

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from resnet_export.error_text import cannot_load
from resnet_export.errors import MissingDependencyError
from resnet_export.targets import plain
from resnet_export.targets.converter import run_converter
from resnet_export.targets.signature import Signature, read_signature


def write(file: Path, folder: Path, *, half: bool = False) -> Path:
    """Converts a file, see `targets.write`. The weights are beside the artefact, in a file `.bin`.

    Args:
        file: the `.onnx` file.
        folder: where the artefact goes.
        half: keep the weights in float16.
    """
    program = pnnx()
    shape = single_image(read_signature(file, "ncnn"), file)
    with tempfile.TemporaryDirectory() as name:  # pnnx writes six files beside its input, whose name it shortens
        work = Path(name)
        plain.write(file, work / "net.onnx")
        made = [work / "net.ncnn.param", work / "net.ncnn.bin"]
        sizes = f"inputshape=[{','.join(map(str, shape))}]f32"
        run_converter("ncnn", file, [str(program), "net.onnx", sizes, f"fp16={int(half)}"], made, "failed")
        for part in made:
            shutil.move(part, folder / f"{file.stem}{part.suffix}")
    return folder / f"{file.stem}.param"


def pnnx() -> Path:
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


def single_image(signature: Signature, file: Path) -> tuple[int, ...]:
    """The shape of one image with its batch of 1.

    Raises:
        ModelError: the file takes something else.
    """
    batch, *sizes = signature.shape or (None,)
    if signature.dtype != np.float32:
        raise cannot_load("ncnn", file, f"it takes {signature.dtype} images, and ncnn float32 only")
    if batch not in (None, 1):
        raise cannot_load("ncnn", file, f"it takes {batch} images a run, and ncnn one")
    known = [size for size in sizes if size is not None]
    if len(known) != len(sizes) or len(known) != 3:
        raise cannot_load("ncnn", file, "it leaves the size of its images open, and pnnx needs it")
    return (1, *known)
