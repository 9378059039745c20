"""A live Keras model: functional, Sequential or subclassed, in either order of axes, and left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.convert import Topology
from resnet_export.convert import keras as converter
from resnet_export.convert.keras_parameters import as_array, is_floating, layers_of
from resnet_export.convert.remarks import does_not_run
from resnet_export.errors import InputError
from resnet_export.optional import require

if TYPE_CHECKING:
    import keras

AGREEMENT = 1e-4
"""Largest distance of a float64 run from the float32 one, over the largest output. Float32's own error in a deep
network is about 1e-6 to 1e-5; a copy that lost a layer's state is off by far more than this."""

RESIZES = ("Resizing", "UpSampling2D")
"""Layers that TensorFlow computes in float32, whatever their type, where they interpolate."""

RANDOM = "seed_generator"
"""Part of the paths of variables that hold the state of a random generator."""


class KerasModel:
    """See `LiveModel`."""

    framework = "keras"

    def __init__(self, model: keras.Model) -> None:
        """Takes a built model.

        Raises:
            InputError: it was never built, or takes several inputs.
            UnavailableError: Keras runs on another backend than TensorFlow.
            MissingDependencyError: keras, tensorflow or tf2onnx is not installed.
        """
        converter.require_tensorflow()
        self.model = model
        self.name = type(model).__name__
        if not model.built or not model.variables:
            raise InputError(
                f"The model {self.name} was never built, and has no weights.",
                hint="Call it once on an example, model(numpy.zeros((1, height, width, channels), 'float32')), "
                "load its weights, and pass it then.",
            )
        self._input_shape()  # which refuses several inputs
        self._channels_first = converter.channels_first(model)

    def image(self) -> tuple[int | None, int | None, int | None]:
        """See `LiveModel.image`: the shape that the model was made or built with."""
        shape = self._input_shape()
        if shape is None:
            return None, None, None
        return (shape[1], shape[2], shape[3]) if self._channels_first else (shape[3], shape[1], shape[2])

    def usual_size(self) -> int | None:
        """See `LiveModel.usual_size`: only a subclassed model, or one for any size, doesn't show its images."""
        layers = require("keras").layers
        first = next((layer for layer in layers_of(self.model) if isinstance(layer, layers.Conv2D)), None)
        small = first is not None and max(first.kernel_size) <= 3 and max(first.strides) == 1
        return 32 if small else None

    def configuration(self) -> dict[str, Any]:
        """See `LiveModel.configuration`: names; what a model does to its images itself is in the graph."""
        inside = (layer.name for layer in getattr(self.model, "layers", ()) if getattr(layer, "layers", None))
        return {"keras": (self.model.name, *inside)}

    def trace(self, image: tuple[int, int, int]) -> Topology:
        """See `LiveModel.trace`."""
        return converter.trace(self._float32, image, owner=self.model)

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """See `LiveModel.run`."""
        return self._outputs(self._float32, images.astype(np.float32, copy=False))

    def values(self, images: NDArray[np.float32], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `LiveModel.values`: of the layers of a functional or Sequential model that are called once."""
        model, keras = self._float32, require("keras")
        outputs = {}
        for layer in model.layers:
            with contextlib.suppress(AttributeError, ValueError):  # never called, or several times
                if layer.name in names and keras.backend.is_keras_tensor(layer.output):
                    outputs[layer.name] = layer.output
        try:
            inner = keras.Model(model.inputs, outputs)
            found = self._call(inner, images) if outputs else {}
        except Exception:  # a subclassed model, or whatever Keras raises of parts of one
            return {}
        return {name: as_array(tensor) for name, tensor in found.items()}

    def run_float64(self, images: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
        """See `LiveModel.run_float64`: of models that `keras.models.clone_model` clones."""
        double = self._float64
        if double is None:
            return None
        try:
            found = self._outputs(double, images.astype(np.float64, copy=False))
        except InputError:  # an operation that has no float64 kernel
            return None
        pairs = zip(found, self.run(images.astype(np.float32)), strict=True)
        near = all(
            one.shape == other.shape and np.abs(one - other).max() <= AGREEMENT * np.abs(one).max()
            for one, other in pairs
        )
        return found if near and all(output.dtype == np.float64 for output in found) else None

    @cached_property
    def _float32(self) -> keras.Model:
        """The model itself, or a copy that holds and computes in float32 what the model does in another type."""
        types = {str(layer.compute_dtype) for layer in layers_of(self.model)}
        types |= {str(tensor.dtype) for tensor in self.model.weights if is_floating(tensor.dtype)}
        types |= {str(tensor.dtype) for tensor in getattr(self.model, "inputs", None) or ()}
        if types <= {"float32"}:
            return self.model
        copy = in_precision(self.model, "float32")
        if copy is None:
            raise InputError(
                f"The model {self.name} computes in {' and '.join(sorted(types - {'float32'}))}.",
                hint="Build it under keras.config.set_dtype_policy('float32'), load its weights, and pass that.",
            )
        return copy

    @cached_property
    def _float64(self) -> keras.Model | None:
        resizes = (layer for layer in layers_of(self.model) if type(layer).__name__ in RESIZES)
        if any(layer.interpolation != "nearest" for layer in resizes):
            return None
        return in_precision(self.model, "float64")

    def _outputs(self, model: keras.Model, images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        try:
            output = self._call(model, images)
        except Exception as error:  # whatever Keras or the user's own code raises
            raise does_not_run(self.model, images.shape[1:], error, "call") from error
        return tuple(as_array(tensor) for tensor in converter.named(model, output).values())

    def _call(self, model: keras.Model, images: NDArray[Any]) -> Any:
        """What a model with this one's order of axes gives for images (N, channels, height, width)."""

        def call(given: Any) -> Any:
            return model(converter.as_input(model, given), **converter.in_inference(model))

        if not self._channels_first:
            return call(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        # On a CPU, TensorFlow's own kernels know channels last alone; its compiler knows both.
        tf = require("tensorflow")
        return tf.function(call, jit_compile=True, autograph=False)(tf.constant(images))

    def _input_shape(self) -> tuple[int | None, ...] | None:
        """(N, height, width, channels), or in the model's other order."""
        try:
            shape = self.model.input_shape
        except (AttributeError, ValueError):  # a subclassed model has none
            built = self.model.get_build_config() or {}
            shape = built.get("input_shape") or next(iter(built.get("shapes_dict", {}).values()), None)
        if isinstance(shape, dict):
            shape = list(shape.values())
        if isinstance(shape, list) and len(shape) == 1:
            (shape,) = shape
        if shape and isinstance(shape[0], list | tuple):
            raise InputError(
                f"The model {self.name} takes {len(shape)} inputs.", hint="Pass a model that takes the images alone."
            )
        if shape is not None and len(shape) != 4:
            inner = tuple(shape[1:])
            made = len(inner) < 3 and None not in inner
            raise InputError(
                f"The model {self.name} takes {tuple(shape)}, and a batch of images has four axes.",
                hint="Put a layer in front that takes images: "
                f"keras.Sequential([keras.Input((height, width, channels)), keras.layers.Reshape({inner}), model])."
                if made
                else "Pass the part of it that takes images.",
            )
        return None if shape is None else tuple(shape)


attach = KerasModel
"""See `live.of`."""


def in_precision(model: keras.Model, dtype: str) -> keras.Model | None:
    """A copy of a functional or Sequential model that takes, holds and computes everything in `dtype`.

    Returns:
        None where Keras can't clone it: a subclassed model, a layer that its configuration doesn't give back.
    """
    try:
        clone = _clone(model, dtype)
        for source, target in zip(model.variables, clone.variables, strict=True):
            if source.shape != target.shape:
                return None
            if RANDOM not in source.path:
                target.assign(source.numpy())
        for layer in layers_of(clone):
            if hasattr(layer, "finalize_state"):  # a Normalization layer computes with tensors made of its variables
                layer.finalize_state()
    except Exception:  # whatever the layers' own from_config and build raise
        return None
    return clone


def _clone(model: keras.Model, dtype: str) -> keras.Model:
    keras = require("keras")

    def cloned(layer: Any) -> Any:
        if isinstance(layer, keras.Model) and (isinstance(layer, keras.Sequential) or hasattr(layer, "operations")):
            return _clone(layer, dtype)
        return type(layer).from_config(_retyped(layer.get_config(), dtype))

    def image(tensor: Any) -> Any:
        return keras.Input(batch_shape=tensor.shape, dtype=dtype, name=tensor.name)

    # Without inputs of its own, every nested model would round to float32 what it takes.
    given = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(image, given)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=cloned)


def _retyped(config: Any, dtype: str) -> Any:
    """A configuration with every floating `dtype` in it replaced, those of layers inside the layer included."""
    if isinstance(config, list | tuple):
        return type(config)(_retyped(value, dtype) for value in config)
    if not isinstance(config, dict):
        return config
    return {key: dtype if key == "dtype" and "float" in str(value) else _retyped(value, dtype)
            for key, value in config.items()}  # fmt: skip
