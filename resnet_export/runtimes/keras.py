"""Keras: a live model, or a canonical file in this package's definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.access import NCHW_TO_NHWC, NHWC_TO_NCHW
from resnet_export.optional import installed, require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.spec import ResNetSpec
from resnet_export.targets.canonical_file import model_of

if TYPE_CHECKING:
    import keras


class KerasSession(Session):
    """A model in inference mode."""

    name = "keras"
    takes_file_input = False
    shows_values = True

    def __init__(self, model: keras.Model, spec: ResNetSpec, *, compiled: bool = False) -> None:
        self._keras = require("keras")
        self._model = model
        self._spec = spec
        self._compiled = compiled

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, num_classes) of normalised images (N, C, H, W)."""
        if self._compiled:
            return np.asarray(self._model.predict_on_batch(_channels_last(images)))
        return self._call(self._model, images)[0]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The outputs of the layers that stand for `names`; a convolution's is that of its batch norm."""
        layers = {layer.name: layer for layer in self._model.layers}
        # Keras pools and flattens in one layer.
        standing_for = {step.name: step.parts[-1].name if step.parts else step.name
                        for step in self._spec.canonical.steps if step.name != "avgpool"}  # fmt: skip
        standing_for["flatten"] = "avgpool"
        shown = [name for name in names if standing_for.get(name) in layers]
        if not shown:
            return {}
        model = self._keras.Model(self._model.inputs[0], [layers[standing_for[name]].output for name in shown])
        outputs = self._call(model, images)
        return {
            name: np.transpose(output, NHWC_TO_NCHW) if output.ndim == 4 else output
            for name, output in zip(shown, outputs, strict=True)
        }

    def _call(self, model: keras.Model, images: NDArray[Any]) -> list[NDArray[Any]]:
        outputs = model(_channels_last(images), training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return [np.asarray(output.numpy()) for output in outputs]


def _channels_last(images: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.transpose(images, NCHW_TO_NHWC))


attach = KerasSession
"""A session of a live model, of the model and its specification."""


@dataclass(frozen=True)
class KerasOptions(CpuOptions):
    """How the model is called."""

    call: Literal["eager", "predict_on_batch"] = "eager"
    """Operator by operator, or compiled, once for each shape."""


def probe() -> str:
    """See `Runtime.probe`."""
    return f"{installed('keras')}, {installed('tensorflow')}"


def open_file(path: Path, options: KerasOptions) -> KerasSession:
    """See `Runtime.open`."""
    probe()
    if options.threads is not None:
        require("tensorflow").config.threading.set_intra_op_parallelism_threads(options.threads)
    require("keras")
    return KerasSession(*model_of(path, "keras"), compiled=options.call == "predict_on_batch")


RUNTIME = Runtime(KerasOptions, probe, open_file, "keras")
