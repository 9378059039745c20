"""MNN: a file that is converted to its format, or one that is in it already."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import cannot_load, loading, running
from resnet_export.optional import require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.targets import artefact_of
from resnet_export.targets.signature import signature_of

WINOGRAD_LEVEL, SMALLEST = 3, 0
"""MNN's hint `WINOGRAD_MEMORY_LEVEL`. At its default of 3, large Winograd tiles multiply float32's rounding error by
twelve (measured: 1.2e-5 of the largest logit in place of 8e-7), whatever precision is asked for."""


class MnnSession(Session):
    """A network in MNN's format."""

    name = "mnn"

    def __init__(self, path: Path, options: CpuOptions) -> None:
        require("MNN")
        nn, self._expr = require("MNN.nn"), require("MNN.expr")
        self._signature = signature_of(path, "mnn")
        if self._signature and self._signature.dtype not in (np.float32, np.uint8):
            raise cannot_load(self.name, path, f"it takes {self._signature.dtype} images, and mnn float32 or uint8")
        config = {"backend": 0, "precision": "high"}
        if options.threads is not None:
            config["numThread"] = options.threads
        # MNN does not keep it alive by itself.
        self._manager = nn.create_runtime_manager((config,))
        self._manager.set_hint(WINOGRAD_LEVEL, SMALLEST)
        with artefact_of("mnn", path) as file, loading(self.name, path):
            names = ([self._signature.name], [self._signature.output]) if self._signature else ([], [])
            self._module: Any = nn.load_module_from_file(str(file), *names, runtime_manager=self._manager)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        if self._signature:  # MNN runs images of another size, too, or fails with a message about a list
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


RUNTIME = Runtime(CpuOptions, lambda: f"mnn {require('MNN').version()}, CPU", MnnSession)
