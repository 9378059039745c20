"""LiteRT: a canonical file in the Keras definition, converted with `tf.lite`."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.graph.rewriting import NCHW_TO_NHWC
from resnet_export.optional import installed, require
from resnet_export.runtimes.canonical_file import weights_of
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.reasons import loading, running
from resnet_export.runtimes.session import BaseSession

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    from numpy.typing import NDArray


class LitertSession(BaseSession):
    """A network in LiteRT's format; its logits, whatever the head of the file."""

    name = "litert"
    takes_file_input = False

    def __init__(self, path: Path, options: CpuOptions) -> None:
        self._litert = require("ai_edge_litert.interpreter")
        for package in ("keras", "tensorflow"):
            require(package)
        from resnet_export.models.keras import build, load

        weights = weights_of(path)
        model = build(weights.spec)
        load(model, weights)
        with loading(self.name, path):
            self._interpreter: Any = self._litert.Interpreter(
                model_content=_converted(model), num_threads=options.threads
            )
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


class Litert:
    """LiteRT on the CPU, in float32."""

    options = CpuOptions

    def check(self) -> str:
        """Its version, see `Runtime.check`."""
        require("ai_edge_litert.interpreter")
        for package in ("keras", "tensorflow"):  # not imported: that takes seconds
            installed(package)
        return f"litert {importlib.metadata.version('ai-edge-litert')}, CPU"

    def open(self, path: Path, options: CpuOptions) -> LitertSession:
        """Converts and loads a canonical file, see `Runtime.open`."""
        return LitertSession(path, options)


RUNTIME = Litert()


def _converted(model: keras.Model) -> bytes:
    """The model in LiteRT's format.

    Through the model as a whole: given a function of it, the converter leaves the weights out, and every output is NaN.
    """
    content: bytes = require("tensorflow").lite.TFLiteConverter.from_keras_model(model).convert()
    return content
