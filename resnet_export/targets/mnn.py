"""MNN's format, through its own converter."""

import sys
from pathlib import Path

from resnet_export.targets.converter import run_converter

# Its command `mnnconvert` installs and calls a client that reports its use; the function behind it does not.
CONVERT = "import sys, _tools; _tools.mnnconvert(['', *sys.argv[1:]])"


def write(file: Path, folder: Path) -> Path:
    """Converts a file, see `targets.write`."""
    made = folder / f"{file.stem}.mnn"
    arguments = ["-f", "ONNX", "--modelFile", str(file.resolve()), "--MNNModel", str(made), "--bizCode", "MNN"]
    run_converter("mnn", file, [sys.executable, "-P", "-c", CONVERT, *arguments], [made], "failed:|Not Support")
    return made
