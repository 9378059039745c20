"""The floating variables of a Keras model: names, numbers, and their layouts in Keras and in ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.optional import require
from resnet_export.weights.naming.keras import KERNEL_AXES

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Parameter:
    """A floating variable of a Keras model."""

    name: str
    """Its path in the model."""
    variable: Any
    """The `keras.Variable`."""
    depthwise: bool
    """Whether it is the kernel of a depthwise convolution: (height, width, channels, multiplier)."""

    @property
    def array(self) -> NDArray[Any]:
        """Its numbers in ONNX's layout, widened to float32 at least."""
        array = as_array(self.variable)
        if self.depthwise:
            height, width, channels, multiplier = array.shape
            array = array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        elif self._axes is not None:
            array = array.transpose(self._axes)
        return np.ascontiguousarray(array)

    def in_keras_layout(self, tensor: Any) -> Any:
        """A TensorFlow tensor that has ONNX's layout, in Keras's, and of the variable's type."""
        tf = require("tensorflow")
        if self.depthwise:
            tensor = tf.reshape(tf.transpose(tensor, (2, 3, 1, 0)), self.variable.shape)
        elif self._axes is not None:
            tensor = tf.transpose(tensor, np.argsort(self._axes))
        return tensor if self.variable.dtype == "float32" else tf.cast(tensor, self.variable.dtype)

    @property
    def _axes(self) -> tuple[int, ...] | None:
        kernel = self.variable.path.rpartition("/")[2].endswith("kernel")
        return KERNEL_AXES.get(len(self.variable.shape)) if kernel else None


def parameters_of(model: keras.Model) -> list[Parameter]:
    """The floating variables, each under a name of its own."""
    layers = require("keras").layers
    kernels = {layers.DepthwiseConv2D: "kernel", layers.SeparableConv2D: "depthwise_kernel"}
    depthwise = {
        id(getattr(layer, kernel))
        for layer in layers_of(model)
        for kind, kernel in kernels.items()
        if isinstance(layer, kind)
    }
    found: dict[str, Parameter] = {}
    for variable in model.weights:
        if is_floating(variable.dtype):
            path = name = variable.path.replace(":", "_")
            number = 1
            while name in found:
                number += 1
                name = f"{path}_{number}"
            found[name] = Parameter(name, variable, id(variable) in depthwise)
    return list(found.values())


def is_floating(dtype: Any) -> bool:
    """Whether Keras or TensorFlow calls it a floating type: bfloat16 is one."""
    return "float" in str(getattr(dtype, "name", dtype))


def as_array(tensor: Any) -> NDArray[Any]:
    """The numbers of a variable or tensor, widened to float32 at least."""
    array = np.asarray(tensor.numpy())
    return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)


def layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers, those inside other layers and models included."""
    yield from model._flatten_layers(include_self=False)  # `layers` shows one level, and none of a Layer's own
