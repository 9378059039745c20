"""What torch's `state_dict` adds to the canonical names: prefixes of wrappers, and counters of batches."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.weights.naming import Tensors

COUNTER = "num_batches_tracked"
"""How the names of the counters end that torch keeps beside the parameters; inference doesn't use them."""
WRAPPERS = re.compile(r"^(module\.)+|\b(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What `nn.DataParallel` with its kin put before a name; and what `torch.compile`, `FullyShardedDataParallel` and
activation checkpointing put anywhere in it."""


def without_wrappers(name: str) -> str:
    """`module.layer1._orig_mod.0.conv1.weight` -> `layer1.0.conv1.weight`."""
    while (bare := WRAPPERS.sub("", name)) != name:
        name = bare
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
