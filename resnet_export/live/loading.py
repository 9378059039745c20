"""A checkpoint's numbers -> a live model that the user's code made: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from resnet_export.convert.remarks import quiet, reason
from resnet_export.errors import CheckpointError
from resnet_export.optional import require
from resnet_export.weights.designs import faults_of
from resnet_export.weights.naming.torch import COUNTER

if TYPE_CHECKING:
    import keras
    from torch import nn


def load_strictly(model: nn.Module, tensors: Mapping[str, NDArray[Any]], named: str | None = None) -> None:
    """Loads a state_dict into a module: every tensor has its place, and every place its tensor.

    A prefix that stands before all of the names, as Lightning's, is taken off. `named` is what the checkpoint calls its
    network, for the error.

    Raises:
        CheckpointError: tensors are missing, left over, or have another shape.
    """
    torch = require("torch")
    state = {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
    # A loss's weights, which some checkpoints have besides, don't have the prefix: they must not hide it.
    before = [name.removesuffix(one) for one in list(state)[:1] for name in tensors if name.endswith(f".{one}")]
    prefix = max(("", *before), key=lambda one: len({one + name for name in state} & tensors.keys()))
    shapes = {name: array.shape for name, array in tensors.items()}
    wanted = {prefix + name: tuple(tensor.shape) for name, tensor in state.items()
              if not name.endswith(COUNTER) or prefix + name in shapes}  # fmt: skip
    faults = faults_of(wanted, shapes)
    if faults:
        itself = "" if named is None else f" The checkpoint calls itself {named}."
        raise CheckpointError(
            f"The checkpoint does not fit the model {type(model).__name__}: {'; '.join(faults)}.{itself}",
            hint="Make the model with the arguments that it was trained with, or pass the checkpoint of this one.",
        )
    # torch takes no read-only array.
    state |= {name.removeprefix(prefix): torch.from_numpy(array.copy()) for name, array in tensors.items()}
    model.load_state_dict(state)


def load_file(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Loads a file of weights into a Keras model, by Keras's own rules; no code in it is executed.

    Raises:
        CheckpointError: the weights are not those of this model.
    """
    try:
        with quiet():
            model.load_weights(path)
    except Exception as error:  # whatever the file leads Keras to
        raise CheckpointError(
            f"{os.fspath(path)} does not fit the model {type(model).__name__}: {reason(error)}.",
            hint="Make the model with the arguments that it was trained with, and call it once on an example.",
        ) from error
