"""Keras's names and layouts of the parameters <-> the canonical ones.

A Keras layer has the name of the torch module that it stands for; only the variables differ:

    convolution  kernel (height, width, in, out)        weight (out, in, height, width)
    dense        kernel (in, out)                       weight (out, in)
    batch norm   gamma, beta, moving_mean, moving_variance      weight, bias, running_mean, running_var
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CANONICAL_PART = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Name of a Keras variable -> last part of the canonical name."""

VARIABLES = {
    "Conv2D": ("kernel",),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""Class of a Keras layer -> its variables, in the order in which Keras saves them."""

KERNEL_AXES = {2: (1, 0), 4: (3, 2, 0, 1)}
"""Rank of a kernel -> the axes of Keras's layout in the canonical order: dense, convolution and transposed one."""


def canonical_name(layer: str, variable: str) -> str:
    """`layer1.0.bn1`, `gamma` -> `layer1.0.bn1.weight`. An unknown variable keeps its name."""
    return f"{layer}.{CANONICAL_PART.get(variable, variable)}"


def to_canonical(array: NDArray[Any]) -> NDArray[Any]:
    """From Keras's layout of a variable to the canonical one (a view); a rank that no layer has is left alone."""
    return np.transpose(array, KERNEL_AXES.get(array.ndim, tuple(range(array.ndim))))


def to_keras(array: NDArray[Any]) -> NDArray[Any]:
    """From the canonical layout to Keras's (a view)."""
    return np.transpose(array, np.argsort(KERNEL_AXES.get(array.ndim, tuple(range(array.ndim)))))
