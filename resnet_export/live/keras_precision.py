"""A Keras model in another precision: a clone whose layers all have another type, with the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export.convert.keras_parameters import is_floating, layers_of
from resnet_export.optional import require

if TYPE_CHECKING:
    import keras

RANDOM = "seed_generator"
"""Part of the paths of variables that hold the state of a random generator."""


def in_precision(model: keras.Model, dtype: str) -> keras.Model | None:
    """A copy of a functional or Sequential model that holds and computes everything in `dtype`.

    Returns:
        None where Keras can't clone it: a subclassed model, a layer that its configuration doesn't give back.
    """
    try:
        clone = _clone(model, dtype)
        _copy_numbers(model, clone)
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
        kind = dtype if is_floating(tensor.dtype) else tensor.dtype
        return keras.Input(batch_shape=tensor.shape, dtype=kind, name=tensor.name)

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


def _copy_numbers(model: keras.Model, clone: keras.Model) -> None:
    for source, target in zip(model.variables, clone.variables, strict=True):
        if source.shape != target.shape:
            raise ValueError(f"{source.path} has another shape in the clone")
        if RANDOM not in source.path:
            target.assign(source.numpy())
    for layer in layers_of(clone):
        if hasattr(layer, "finalize_state"):  # a Normalization layer computes with tensors made of its variables
            layer.finalize_state()
