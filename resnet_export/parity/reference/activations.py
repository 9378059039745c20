"""Logits to probabilities, as a classifier ends, in NumPy.

softmax   p_k = exp(x_k) / sum_j exp(x_j)      one of several classes
sigmoid   p_k = 1 / (1 + exp(-x_k))            one logit, or several labels at once
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.interface import Activation


def activate(logits: NDArray[Any], activation: Activation) -> NDArray[Any]:
    """The probabilities, (N, K) like the logits, and in their precision."""
    from scipy import special

    found = special.softmax(logits, axis=-1) if activation == "softmax" else special.expit(logits)
    return np.asarray(found)
