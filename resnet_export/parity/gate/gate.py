"""The gate: a float32 evaluation passes when it is about as far from the truth as rounding alone makes another one.

    floor         = 8 * 2^-24 * max|truth|
    error(file)   <= 4 * max(error(source), floor)
    error(source) <= 8 * max(error(file), floor)

The error is the largest absolute one over the logits. Measured over networks, seeds, batches, frameworks and runtimes
(benchmarks/gate.py), a file stays within 2.2 times its yardstick and a source within 5.1 times its own, so that the
factors leave room to rounding and none to a mistake. Where one side was lucky, NumPy's float32, which adds one value
after the other, is a yardstick for the other side too; its error is the largest over all images of a kind.

A file or runtime of reduced precision may be further off, with `bits` of significand:

    bound         = units * 2^-bits * max|truth|
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.parity.results import Comparison, Inputs, Quantity
from resnet_export.runtimes.session import Precision

FILE_FACTOR = 4.0
SOURCE_FACTOR = 8.0
FLOOR = 8 * 2.0**-24
"""8 units of float32 rounding, relative to the largest value: an evaluation may be lucky, and closer than that."""
SUSPICIOUS = 64 * FLOOR
"""A relative error beyond this is held against NumPy's float32 too: file and source might be wrong alike."""


@dataclass(frozen=True)
class Tolerance:
    """What one precision allows."""

    bits: int
    """Length of the significand, with the hidden bit."""
    units: int
    """Units of rounding that pass, relative to the largest value."""
    reason: str

    @property
    def relative(self) -> float:
        """The largest error that passes, over the largest value of the truth."""
        return self.units * 2.0**-self.bits


TOLERANCES: dict[Precision, Tolerance] = {
    "tf32": Tolerance(11, 8, "11 bits of significand in the products, float32 sums"),
    "float16": Tolerance(11, 8, "11 bits of significand; values above 65504 overflow, and are an error of any size"),
    "bfloat16": Tolerance(
        8, 8, "8 bits of significand: a unit is 0.39 %, and the errors of ResNets on CPUs were about one"
    ),
    "int8": Tolerance(
        8, 8, "8 bits of a range that calibration chose: rounding can move a value to the next of 256 levels"
    ),
}
"""8 units are the gate's floor, in units of that precision instead of float32's: float32 itself needs no tolerance."""


def allowed(precision: Precision) -> float:
    """The error that passes in a reduced precision, over the largest value of the truth; 0 in float32."""
    return TOLERANCES[precision].relative if precision in TOLERANCES else 0.0


def max_error(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """The largest absolute difference; infinity where a value is missing, NaN or infinite, in either."""
    if found.shape != truth.shape or not (np.isfinite(found).all() and np.isfinite(truth).all()):
        return float("inf")
    return float(np.abs(found - truth).max(initial=0.0))


def floor(truth: NDArray[Any]) -> float:
    """The least yardstick for values of the truth's size."""
    return FLOOR * float(np.abs(truth).max(initial=0.0))


def compare(
    runtime: str,
    inputs: Inputs,
    quantity: Quantity,
    found: NDArray[Any],
    truth: NDArray[Any],
    other_error: float,
    *,
    factor: float = FILE_FACTOR,
    precision: Precision = "float32",
) -> Comparison:
    """Holds an evaluation against the truth, both (N, K).

    `other_error` is the largest error of the evaluation that it is held against. `factor` times that, or the floor,
    passes in float32.
    """
    error = max_error(found, truth)
    scale = float(np.abs(truth).max(initial=0.0))
    # An evaluation that overflows is no yardstick.
    yardstick = max(other_error if np.isfinite(other_error) else 0.0, floor(truth))
    bound = max(factor * yardstick, allowed(precision) * scale)
    finite, classifies = np.isfinite(error), quantity != "embedding" and truth.ndim == 2 and truth.size > 0
    agreed, exempt = top1(found, truth, bound) if classifies and finite else (len(truth) if finite else 0, 0)
    return Comparison(
        runtime=runtime,
        inputs=inputs,
        batch=len(truth),
        quantity=quantity,
        error=error,
        mean_error=float(np.abs(found - truth).mean()) if finite and truth.size else error,
        yardstick=yardstick,
        bound=bound,
        scale=scale,
        cosine=cosine(found, truth) if finite else 0.0,
        top1_agreed=agreed,
        top1_exempt=exempt,
        top5_agreed=top5(found, truth) if classifies and finite else len(truth) if finite else 0,
        passed=bool(finite and error <= bound and agreed + exempt >= len(truth)),
    )


def cosine(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """The smallest cosine over the images; 1 where both are zero."""
    length = math.prod(truth.shape[1:])
    rows, others = (values.reshape(len(values), length).astype(np.float64) for values in (found, truth))
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(others, axis=1)
    products = (rows * others).sum(axis=1)
    return float(np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 1.0).min())


def top5(found: NDArray[Any], truth: NDArray[Any]) -> int:
    """Images whose five best classes are the truth's, in any order."""
    count = min(5, truth.shape[1])
    best = [np.sort(np.argsort(values, axis=1)[:, -count:], axis=1) for values in (found, truth)]
    return int((best[0] == best[1]).all(axis=1).sum())


def top1(found: NDArray[Any], truth: NDArray[Any], bound: float) -> tuple[int, int]:
    """(images whose best class is the truth's, others whose two best are within twice the bound in truth).

    One logit alone decides by its sign, as two would whose difference it is.
    """
    if truth.shape[1] == 1:
        found, truth = (np.hstack((np.zeros_like(values), values)) for values in (found, truth))
        bound /= 2  # of the difference, whose other part has no error
    same = found.argmax(axis=1) == truth.argmax(axis=1)
    best = np.sort(truth, axis=1)
    close = best[:, -1] - best[:, -2] <= 2 * bound
    return int(same.sum()), int((~same & close).sum())
