"""From a file's output to probabilities of classes, and to the most probable ones, in float64.

    softmax    p_k = exp(x_k) / sum_j exp(x_j)    one of several classes
    sigmoid    p_k = 1 / (1 + exp(-x_k))          a single logit, or several labels at once

A file may do that itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.results import ClassProbability
from resnet_export.errors import ModelError
from resnet_export.graph.interface import Activation, Head
from resnet_export.parity.gate.evaluation import activate

SUM_TOLERANCE = 1e-2
"""How far a sum of probabilities may be from 1: float16 rounds a thousand of them by less."""


def scores_of(row: NDArray[Any], model: str) -> NDArray[np.float64]:
    """A picture's output as one value for each class.

    Raises:
        ModelError: it is none.
    """
    if row.dtype.kind != "f" or row.size == 0 or row.size != max(row.shape, default=1):
        raise ModelError(
            f"{model} gives no value for each class: its output for a picture is {row.dtype} "
            f"of {' x '.join(map(str, row.shape)) or 'no axis'}.",
            hint="Give a classifier, whose first output has one floating-point number for each class.",
        )
    return row.astype(np.float64).reshape(-1)


def activation_for(head: Head, classes: int, *, from_logits: bool) -> Activation | None:
    """What makes probabilities of what a session gives; None where it gives these.

    Args:
        head: what the file's output is.
        classes: how many values it has.
        from_logits: the session gives the logits whatever the file does, as the frameworks do.
    """
    if head != "logits" and not from_logits:
        return None
    return "sigmoid" if head == "sigmoid" or classes == 1 else "softmax"


def probabilities_of(scores: NDArray[np.float64], activation: Activation | None) -> NDArray[np.float64]:
    """The probability of each class."""
    return scores if activation is None else activate(scores, activation)


def are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Whether several values are from 0 to 1 and sum to 1, as a softmax gives them, and logits don't."""
    return len(scores) > 1 and scores.min() >= 0 and abs(scores.sum() - 1) <= SUM_TOLERANCE


def top_classes(
    probabilities: NDArray[np.float64], count: int, labels: Sequence[str] | None = None
) -> tuple[ClassProbability, ...]:
    """The most probable classes, the first one first; of two that are alike, the one that comes first."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(
        ClassProbability(int(index), None if labels is None else labels[index], float(probabilities[index]))
        for index in order
    )
