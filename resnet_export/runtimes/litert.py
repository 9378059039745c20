"""LiteRT: a canonical file that is converted to its format, or one that is in it already."""

import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import loading, running
from resnet_export.graph.access import NCHW_TO_NHWC
from resnet_export.optional import installed, require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.targets import artefact_of


class LitertSession(Session):
    """A network in LiteRT's format; its own output, such as the logits, whatever the head of the file."""

    name = "litert"
    takes_file_input = False

    def __init__(self, path: Path, options: CpuOptions) -> None:
        litert = require("ai_edge_litert.interpreter")
        with artefact_of("litert", path) as file, loading(self.name, path):
            # From memory, since the artefact may go.
            self._interpreter: Any = litert.Interpreter(model_content=file.read_bytes(), num_threads=options.threads)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._shape: tuple[int, ...] = ()

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, num_classes) of normalised images (N, C, H, W)."""
        pixels = np.ascontiguousarray(np.transpose(images, NCHW_TO_NHWC))
        with running(self.name):
            if pixels.shape != self._shape:
                self._interpreter.resize_tensor_input(self._input, pixels.shape)
                self._interpreter.allocate_tensors()
                self._shape = pixels.shape
            self._interpreter.set_tensor(self._input, pixels)
            self._interpreter.invoke()
            logits: NDArray[Any] = self._interpreter.get_tensor(self._output)
        return logits

    def close(self) -> None:
        """Frees the interpreter."""
        self._interpreter = None


def probe() -> str:
    """See `Runtime.probe`."""
    require("ai_edge_litert.interpreter")
    installed("tensorflow")  # not imported: that takes seconds
    return f"litert {importlib.metadata.version('ai-edge-litert')}, CPU"


RUNTIME = Runtime(CpuOptions, probe, LitertSession)
