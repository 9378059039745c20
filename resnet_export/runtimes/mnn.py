"""MNN, through its own converter."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.optional import require
from resnet_export.runtimes.converters import convert
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.reasons import loading, running
from resnet_export.runtimes.session import BaseSession
from resnet_export.runtimes.signature import read_signature

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Its command `mnnconvert` installs and calls a client that reports its use; the function behind it does not.
CONVERT = "import sys, _tools; _tools.mnnconvert(['', *sys.argv[1:]])"
WINOGRAD_LEVEL, SMALLEST = 3, 0
"""MNN's hint `WINOGRAD_MEMORY_LEVEL`. At its default of 3, large Winograd tiles multiply float32's rounding error by
twelve (measured: 1.2e-5 of the largest logit in place of 8e-7), whatever precision is asked for."""


class MnnSession(BaseSession):
    """A file, converted to MNN's format."""

    name = "mnn"

    def __init__(self, path: Path, options: CpuOptions) -> None:
        require("MNN")
        nn, self._expr = require("MNN.nn"), require("MNN.expr")
        self._signature = read_signature(path, self.name)
        config = {"backend": 0, "precision": "high"}
        if options.threads is not None:
            config["numThread"] = options.threads
        # MNN does not keep it alive by itself.
        self._manager = nn.create_runtime_manager((config,))
        self._manager.set_hint(WINOGRAD_LEVEL, SMALLEST)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "net.mnn"
            arguments = ["-f", "ONNX", "--modelFile", str(path.resolve()), "--MNNModel", str(file), "--bizCode", "MNN"]
            convert(self.name, path, [sys.executable, "-P", "-c", CONVERT, *arguments], [file], "failed:|Not Support")
            names = [self._signature.name], [self._signature.output]
            with loading(self.name, path):
                self._module: Any = nn.load_module_from_file(str(file), *names, runtime_manager=self._manager)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        # MNN runs images of another size, too, or fails with a message about a list.
        self._signature.check(images, self.name)
        expr = self._expr
        with running(self.name):
            kind = expr.uint8 if images.dtype == np.uint8 else expr.float
            image = expr.placeholder(list(images.shape), expr.NCHW, kind)
            image.write(np.ascontiguousarray(images))
            return np.array(expr.convert(self._module.forward([image])[0], expr.NCHW).read())

    def close(self) -> None:
        """Frees the network."""
        self._module = None


class Mnn:
    """MNN on the CPU, in float32."""

    options = CpuOptions

    def check(self) -> str:
        """Its version, see `Runtime.check`."""
        return f"mnn {require('MNN').version()}, CPU"

    def open(self, path: Path, options: CpuOptions) -> MnnSession:
        """Converts and loads a file, see `Runtime.open`."""
        return MnnSession(path, options)


RUNTIME = Mnn()
