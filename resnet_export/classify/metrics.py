"""What right and wrong answers say of a network.

Of n pictures, m_ij of class i taken for j, and with z = 1.96:

    interval of a share k / n    Wilson's: (k + z^2 / 2 -+ z sqrt(k (n - k) / n + z^2 / 4)) / (n + z^2)
    precision, recall of class i m_ii / sum_j m_ji, m_ii / sum_j m_ij
    F1                           2 m_ii / (sum_j m_ij + sum_j m_ji)
    calibration error            sum_b n_b / n |right_b - probability_b| over 15 bins b of the probabilities
                                 (C. Guo et al., On Calibration of Modern Neural Networks, 2017)
    average precision            sum_k (recall_k - recall_{k-1}) precision_k over the thresholds k, from the highest on
    area below the ROC           (R - a (a + 1) / 2) / (a (n - a)), R the sum of the ranks of the a positive pictures

Of two files on the same pictures, b are those on which the first alone is right, and c those of the second:

    McNemar's exact p-value      P(|B - (b + c) / 2| >= |b - c| / 2), B ~ Binomial(b + c, 1/2)
    interval of (b - c) / n      Wald's, of the shares p = (b + 1) / (n + 2) and q = (c + 1) / (n + 2):
                                 p - q -+ z sqrt((p + q - (p - q)^2) / (n + 2))
                                 (D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37, 2012)
    pictures for a difference d  (z sqrt(p + q) + z' sqrt(p + q - d^2))^2 / d^2, z' = 0.84, finds it in 4 cases of 5
                                 (R. J. Connor, Biometrics 43, 1987)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Bin, Calibration, Check, ClassScore, Paired, Status

LEVEL = 0.95
Z = 1.959963984540054
"""The normal distribution's quantile of (1 + LEVEL) / 2."""
Z_POWER = 0.8416212335729143
"""Its quantile of 0.8: four cases of five."""
BINS = 15
"""As in Guo et al."""
CLAIM = 0.001
"""The difference of 0.1 points that is so often claimed."""
SURPRISING = 1e-6
"""A p-value that chance doesn't give, although the best of all permutations was chosen."""
MANIFOLD = 3
"""How many times as many pictures another order makes right."""


def share(count: int, of: int) -> Estimate:
    """`count / of` with Wilson's interval; `of` is 1 or more."""
    from scipy import stats

    interval = stats.binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    return Estimate(count / of, float(interval.low), float(interval.high))


def confusion_matrix(truths: Sequence[int], answers: Sequence[int], classes: int) -> NDArray[np.int64]:
    """(classes, classes): pictures of each class (row) that were taken for each (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(truths, np.int64), np.asarray(answers, np.int64)), 1)
    return counts


def class_score(label: str, right: int, support: int, taken: int, average: float | None = None) -> ClassScore:
    """Of a class with `support` pictures, of which `right` are among the `taken` that were taken for it."""
    return ClassScore(
        label,
        support,
        share(right, taken) if taken else None,
        share(right, support) if support else None,
        2 * right / (support + taken) if support + taken else None,
        average,
    )


def calibrate(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Holds the probabilities of answers, (n,), against whether they are right."""
    edges = np.linspace(0, 1, BINS + 1)
    places = np.searchsorted(edges[1:-1], probabilities)
    bins, error = [], 0.0
    for place in range(BINS):
        inside = places == place
        count = int(inside.sum())
        if count:
            found = Bin(float(probabilities[inside].mean()), share(int(right[inside].sum()), count), count)
            error += count / len(right) * abs(found.right.value - found.probability)
            bins.append(found)
    return Calibration(error, tuple(bins))


def average_precision(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Of pictures (n,) by how probable the class is; None where none is positive."""
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # equal ones come in together
    hits = np.cumsum(positive[order])[last]
    return float(np.sum(np.diff(hits, prepend=0) / positive.sum() * (hits / (last + 1))))


def roc_auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Likewise; None where all are positive, or none."""
    from scipy import stats

    count = int(positive.sum())
    if not 0 < count < len(positive):
        return None
    ranks = float(stats.rankdata(scores)[positive].sum())
    return (ranks - count * (count + 1) / 2) / (count * (len(positive) - count))


def mean(values: Iterator[float | None]) -> float | None:
    """Of those that there are; None where there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def pair(first: NDArray[np.bool_], second: NDArray[np.bool_], differ: int) -> Paired:
    """Holds two files against each other.

    Args:
        first: (n,) on which pictures the first is right.
        second: on which the second is.
        differ: on how many the answers differ.
    """
    from scipy import stats

    pictures, b, c = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    p, q = (b + 1) / (pictures + 2), (c + 1) / (pictures + 2)
    half = Z * math.sqrt((p + q - (p - q) ** 2) / (pictures + 2))
    return Paired(
        only_file=b,
        only_other=c,
        differ=differ,
        difference=Estimate((b - c) / pictures, p - q - half, p - q + half),
        p_value=float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0,
        needs_pictures=math.ceil(((Z * math.sqrt(p + q) + Z_POWER * math.sqrt(p + q - CLAIM**2)) / CLAIM) ** 2),
    )


def check_minimum(accuracy: Estimate, limit: float, pictures: int) -> Check:
    """Whether an accuracy is known to be at least a limit."""
    low, high = accuracy.interval or (0.0, 1.0)
    status: Status = "passed" if low >= limit else "failed" if high < limit else "undecided"
    return Check("min_top1", limit, accuracy, status, _needed(accuracy, limit, pictures, status))


def check_drop(paired: Paired, limit: float, pictures: int) -> Check:
    """Whether the accuracy of the first file is known to be at most a limit below that of the second."""
    low, high = paired.difference.interval or (-1.0, 1.0)
    drop = Estimate(-paired.difference.value or 0.0, -high, -low)
    status: Status = "passed" if -low <= limit else "failed" if -high > limit else "undecided"
    return Check("max_drop", limit, drop, status, _needed(drop, limit, pictures, status))


def _needed(found: Estimate, limit: float, pictures: int, status: Status) -> int | None:
    """The width of an interval falls with the square root of the pictures."""
    low, high = found.interval or (0.0, 1.0)
    distance = found.value - limit
    if status != "undecided" or not distance:
        return None
    towards = found.value - low if distance > 0 else high - found.value
    return max(pictures + 1, math.ceil(pictures * (towards / distance) ** 2))


def better_order(confusion: NDArray[np.int64]) -> tuple[int, dict[int, int]] | None:
    """An order of the classes with which suspiciously many more answers would be right; None where there is none.

    Chance makes some permutation fit better than none. So each class that it moves must be taken for its new name more
    often than for any other, and what is gained must be `MANIFOLD` times what is lost, beyond chance.

    Returns:
        How many answers would be right, and for each class that is moved, what it is taken for.
    """
    from scipy import optimize, stats

    rows, columns = optimize.linear_sum_assignment(confusion, maximize=True)
    moved = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if row != column}
    moved = {row: column for row, column in moved.items() if confusion[row].any()}
    gained = sum(int(confusion[row, column]) for row, column in moved.items())
    lost = sum(int(confusion[row, row]) for row in moved)
    if not moved or any(confusion[row, column] < confusion[row].max() for row, column in moved.items()):
        return None
    if gained < MANIFOLD * lost or stats.binomtest(gained, gained + lost).pvalue > SURPRISING:
        return None
    return int(np.trace(confusion)) - lost + gained, moved
