"""What samples of a latency support, and nothing beyond: quantiles with intervals, effective size, drift.

Of n independent samples B ~ Binomial(n, p) lie below the quantile q_p, whatever their distribution. So

    P(X_(l) <= q_p < X_(u)) = P(l <= B < u)

holds for the order statistics X_(1) <= ... <= X_(n) (H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition,
section 7.1). For a two-sided interval of level 1 - a the ranks are

    l = max {l : P(B < l) <= a / 2}          u = min {u : P(B >= u) <= a / 2}

and there is one only where 1 <= l and u <= n, that is from n = ceil(log(a / 2) / log(max(p, 1 - p))) on: 368 for p99 at
95 %. One-sided, X_(n-k) bounds q_p from above where P(B >= n - k) <= a: from 662 on for p99, a = 1 % and k = 1, one
sample beyond the bound.

Samples that depend on each other count for less. What matters to q_p is the series of indicators [x_t <= q_p]: their
integrated autocorrelation time tau_p (see `dependence`) makes m = floor(n / tau_p) independent ones of them, so that
l_m and u_m follow from Binomial(m, p) and are carried over to n with a correction for continuity:

    l = floor((l_m - 1/2) n / m + 1/2)       u = ceil((u_m - 1/2) n / m + 1/2)

Below 64 effective samples (n / tau of the ranks' normal scores) nothing is estimated: tau itself is not known then.
Drift is Kendall's rank correlation between the time and the medians of blocks (H. B. Mann, Econometrica 13, 1945); it
isn't sought in an open loop, where a queue that comes and goes looks like one. Blocks that depend on each other make
its p-value too small: with fewer than 64 effective samples it says that the series isn't steady, but no more.
No sample is ever dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from resnet_export.bench.dependence import LEVEL, integrated_time, lag_1, mean_half_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resnet_export.bench.dependence import Loop

PROBABILITIES = (0.5, 0.9, 0.95, 0.99)
LEAST_EFFECTIVE = 64
"""Effective samples below which nothing is estimated."""
BOUND_LEVEL = 0.99
"""Of the one-sided bound."""
BEYOND = 1
"""Samples that may lie beyond the one-sided bound."""
BLOCKS = 20
"""Whose medians the drift is sought in: Kendall's test at 1 % finds a steady trend from about 6 on."""
DRIFT_LEVEL = 0.01
"""Probability with which the drift test errs on a steady series."""


@dataclass(frozen=True)
class Quantile:
    """A quantile with its interval, or how many samples that would take."""

    probability: float
    value: float | None
    """The sample quantile, in the unit of the samples; None where the samples can't support an interval."""
    low: float | None
    """Lower end of the two-sided interval."""
    high: float | None
    """Upper end."""
    needs: int | None
    """Samples like these that it takes; None where they suffice."""


@dataclass(frozen=True)
class Mean:
    """The mean with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Drift:
    """Whether the samples became slower or faster meanwhile."""

    p_value: float
    """Of Kendall's test; 1 where there are too few samples to tell."""
    change: float
    """Median of the last quarter over that of the first, less 1."""

    @property
    def found(self) -> bool:
        """Whether there is a drift."""
        return self.p_value < DRIFT_LEVEL


@dataclass(frozen=True)
class Summary:
    """What a series of samples says."""

    samples: int
    effective: float
    """Independent samples that they are worth."""
    lag1: float
    """Autocorrelation of neighbours, of the ranks' normal scores."""
    mean: Mean | None
    """None below `LEAST_EFFECTIVE`."""
    quantiles: tuple[Quantile, ...]
    """In the order of `PROBABILITIES`."""
    bound: float | None
    """One-sided upper bound of p99; None where the samples can't support it."""
    bound_needs: int | None
    """Samples like these that the bound takes; None where they suffice."""
    drift: Drift | None
    """None where it wasn't sought."""

    def quantile(self, probability: float) -> Quantile:
        """The one of that probability."""
        return next(one for one in self.quantiles if one.probability == probability)


def summarise(
    samples: Sequence[float] | NDArray[np.float64],
    loop: Loop = "closed",
    probabilities: Sequence[float] = PROBABILITIES,
    *,
    queue: bool = False,
) -> Summary:
    """What the samples say.

    Args:
        samples: one or more, in the order in which they were taken, in any unit.
        loop: that they come from; open, too, where callers wait for each other.
        probabilities: of the quantiles.
        queue: whether they waited in a queue, in which no drift is sought.
    """
    values = np.asarray(samples, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no samples")
    scores = _normal_scores(values)
    size = len(values)
    effective = size / integrated_time(scores, loop)
    least = None if effective >= LEAST_EFFECTIVE else math.ceil(LEAST_EFFECTIVE * size / effective)
    ordered = np.sort(values)
    quantiles = tuple(_quantile(values, ordered, p, loop, least) for p in probabilities)
    mean = estimate_mean(values, loop) if least is None else None
    bound, bound_needs = _upper_bound(values, ordered, loop, least)
    drift = None if queue else find_drift(values)
    return Summary(size, effective, lag_1(scores), mean, quantiles, bound, bound_needs, drift)


def estimate_mean(values: NDArray[np.float64], loop: Loop = "closed") -> Mean:
    """The mean with its interval; `values` (n,) in the order in which they were taken."""
    centre, half = float(values.mean()), mean_half_width(values, loop)
    return Mean(centre, centre - half, centre + half)


@cache
def ranks(size: int, probability: float, level: float = LEVEL) -> tuple[int, int] | None:
    """(l, u), counted from 1, of the two-sided interval from `size` independent samples; None where there is none."""
    from scipy import stats

    tail = (1 - level) / 2
    low = int(stats.binom.ppf(tail, size, probability))
    high = int(stats.binom.isf(tail, size, probability)) + 1
    return (low, high) if low >= 1 and high <= size else None


def needed(probability: float, level: float = LEVEL) -> int:
    """Independent samples that a two-sided interval takes."""
    return math.ceil(math.log((1 - level) / 2) / math.log(max(probability, 1 - probability)))


@cache
def needed_for_bound(probability: float, level: float = BOUND_LEVEL, beyond: int = BEYOND) -> int:
    """Independent samples that a one-sided upper bound takes, when `beyond` samples may lie beyond it."""
    from scipy import stats

    size = beyond + 1
    while stats.binom.sf(size - beyond - 1, size, probability) > 1 - level:
        size += 1
    return size


def find_drift(values: NDArray[np.float64]) -> Drift:
    """Mann's test on the medians of `BLOCKS` blocks."""
    from scipy import stats

    if len(values) < 2 * BLOCKS:
        return Drift(1.0, 0.0)
    medians = np.array([np.median(block) for block in np.array_split(values, BLOCKS)])
    quarter = len(values) // 4
    first, last = float(np.median(values[:quarter])), float(np.median(values[-quarter:]))
    p_value = 1.0 if np.ptp(medians) == 0 else float(stats.kendalltau(np.arange(BLOCKS), medians).pvalue)
    return Drift(p_value, last / first - 1 if first else 0.0)


def _quantile(
    values: NDArray[np.float64], ordered: NDArray[np.float64], probability: float, loop: Loop, least: int | None
) -> Quantile:
    size = len(values)
    value = float(ordered[math.ceil(probability * size) - 1])
    count = _independent(values, value, loop)
    found = ranks(count, probability)
    if least is not None or found is None:
        enough = math.ceil(needed(probability) * size / count) if found is None else 0
        return Quantile(probability, None, None, None, max(enough, least or 0, size + 1))
    low, high = ((rank - 0.5) * size / count + 0.5 for rank in found)
    return Quantile(probability, value, float(ordered[math.floor(low) - 1]), float(ordered[math.ceil(high) - 1]), None)


def _upper_bound(
    values: NDArray[np.float64], ordered: NDArray[np.float64], loop: Loop, least: int | None
) -> tuple[float | None, int | None]:
    """(the one-sided bound of p99, None), or (None, samples that it takes)."""
    from scipy import stats

    probability, size = 0.99, len(values)
    count = _independent(values, float(ordered[math.ceil(probability * size) - 1]), loop)
    least_count = needed_for_bound(probability)
    if least is not None or count < least_count:
        return None, max(math.ceil(least_count * size / count), least or 0, size + 1)
    rank = int(stats.binom.isf(1 - BOUND_LEVEL, count, probability)) + 1
    return float(ordered[math.ceil((rank - 0.5) * size / count + 0.5) - 1]), None


def _independent(values: NDArray[np.float64], quantile: float, loop: Loop) -> int:
    """M, the independent samples that these are worth to the quantile."""
    below = (values <= quantile).astype(np.float64)
    return max(1, math.floor(len(values) / integrated_time(below, loop)))


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of the ranks: one outlier must not hide how the others hang together."""
    from scipy import special, stats

    return np.asarray(special.ndtri(stats.rankdata(values) / (len(values) + 1)))
