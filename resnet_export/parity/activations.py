"""Logits to probabilities, as a classifier ends, in NumPy.

softmax   p_k = exp(x_k) / sum_j exp(x_j)      one of several classes
sigmoid   p_k = 1 / (1 + exp(-x_k))            one logit, or several labels at once
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Over the last axis, in the logits' own precision."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """Of each logit by itself, in the logits' own precision; without overflow."""
    powers = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, powers) / (1.0 + powers))


ACTIVATIONS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = MappingProxyType(
    {"softmax": softmax, "sigmoid": sigmoid}
)
"""Name -> function."""
