"""What torch's `state_dict` adds to the canonical names: prefixes of wrappers, and counters of batches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.weights.naming import Tensors

COUNTER = "num_batches_tracked"
"""How the names of the counters end that torch keeps beside the parameters; inference doesn't use them."""
WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes of `nn.DataParallel` with its kin, and of `torch.compile`; they nest in either order."""


def without_wrappers(name: str) -> str:
    """`module._orig_mod.conv1.weight` -> `conv1.weight`."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def state_dict(weights: Tensors) -> dict[str, NDArray[Any]]:
    """The weights with a zero `num_batches_tracked` (int64, scalar) for each batch norm, in torch's order."""
    tensors: dict[str, NDArray[Any]] = {}
    for name, array in weights.items():
        tensors[name] = array
        layer, _, part = name.rpartition(".")
        if part == "running_var":
            tensors[f"{layer}.num_batches_tracked"] = np.zeros((), dtype=np.int64)
    return tensors
