"""What samples of a latency say: quantiles with intervals, effective size, drift.

Every quantile is a number, the sample quantile. What the samples support less well has no interval, and is shown with a
mark. Of n independent samples B ~ Binomial(n, p) lie below the quantile q_p, whatever their distribution. So

    P(X_(l) <= q_p < X_(u)) = P(l <= B < u)

holds for the order statistics X_(1) <= ... <= X_(n) (H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition,
section 7.1). For a two-sided interval of level 1 - a the ranks are

    l = max {l : P(B < l) <= a / 2}          u = min {u : P(B >= u) <= a / 2}

and there is one only where 1 <= l and u <= n, that is from n = ceil(log(a / 2) / log(max(p, 1 - p))) on: 6 for p50 and
368 for p99 at 95 %.

Samples that depend on each other count for less. What matters to q_p is the series of indicators [x_t <= q_p]: their
integrated autocorrelation time tau_p (see `dependence`) makes m = floor(n / tau_p) independent ones of them, so that
l_m and u_m follow from Binomial(m, p) and are carried over to n with a correction for continuity:

    l = floor((l_m - 1/2) n / m + 1/2)       u = ceil((u_m - 1/2) n / m + 1/2)

Below 8 effective samples (n / tau of the ranks' normal scores) there is no interval: tau itself isn't known then.
benchmarks/intervals.py measures how often the intervals hold the truth.

Drift is Kendall's rank correlation between the time and the medians of blocks (H. B. Mann, Econometrica 13, 1945); it
isn't sought in an open loop, where a queue that comes and goes looks like one. Blocks that depend on each other make
its p-value too small: with few effective samples it says that the series isn't steady, but no more.
No sample is ever dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.dependence import LEVEL, autocorrelation, batch_count, integrated_time, price
from resnet_export.bench.estimate import Estimate

LEAST_EFFECTIVE = 8
"""Effective samples below which no interval is given: two levels of a machine's pace that change a few times in a run
are worth some ten."""
BLOCKS = 20
"""The drift is sought in the medians of so many blocks: Kendall's test at 1 % finds a steady trend from about 6 on."""
DRIFT_LEVEL = 0.01
"""Probability with which the drift test errs on a steady series."""


@dataclass(frozen=True)
class Drift:
    """Whether the samples became slower or faster during the run."""

    p_value: float
    """From Kendall's test; 1 where there are too few samples to tell."""
    change: float
    """Median of the last quarter over that of the first, less 1."""
    found: bool
    """Whether the p-value is below 1 %."""


@dataclass(frozen=True)
class Summary:
    """What a series of samples says, in the unit of the samples."""

    min: float
    max: float
    mean: Estimate
    p50: Estimate
    """The median: half of the samples are as small or smaller. A quantile beyond the samples is the largest."""
    p90: Estimate
    p95: Estimate
    p99: Estimate
    samples: int
    effective_samples: float
    """Independent samples that they are worth."""
    lag1_autocorrelation: float
    """Autocorrelation of neighbours, of the ranks' normal scores."""
    drift: Drift | None = None
    """None where it was not sought."""


def summarise(samples: Sequence[float] | NDArray[np.float64], *, queue: bool = False) -> Summary:
    """Summarises samples.

    Args:
        samples: one or more, in the order in which they were taken, in any unit.
        queue: whether they waited in a queue, in which no drift is sought.

    Raises:
        ValueError: there are no samples.
    """
    values = np.asarray(samples, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no samples")
    scores = _normal_scores(values)
    batches = batch_count(scores)
    effective = len(values) / integrated_time(scores, batches)
    supported = effective >= LEAST_EFFECTIVE
    ordered = np.sort(values)

    def quantile(probability: float) -> Estimate:
        return _quantile(values, ordered, probability, batches, supported=supported)

    return Summary(
        min=float(ordered[0]),
        max=float(ordered[-1]),
        mean=_mean(values, batches) if supported else Estimate(float(values.mean())),
        p50=quantile(0.5),
        p90=quantile(0.9),
        p95=quantile(0.95),
        p99=quantile(0.99),
        samples=len(values),
        effective_samples=effective,
        lag1_autocorrelation=float(autocorrelation(scores)[1]) if len(scores) > 1 else 0.0,
        drift=None if queue else find_drift(values),
    )


def _mean(values: NDArray[np.float64], batches: int) -> Estimate:
    from scipy import stats

    time = integrated_time(values, batches) * price(batches)
    half = float(stats.norm.ppf((1 + LEVEL) / 2) * values.std(ddof=1) * math.sqrt(time / len(values)))
    centre = float(values.mean())
    return Estimate(centre, centre - half, centre + half)


@cache
def ranks(size: int, probability: float) -> tuple[int, int] | None:
    """(l, u), counted from 1, of the two-sided interval from `size` independent samples; None where there is none."""
    from scipy import stats

    tail = (1 - LEVEL) / 2
    low = int(stats.binom.ppf(tail, size, probability))
    high = int(stats.binom.isf(tail, size, probability)) + 1
    return (low, high) if low >= 1 and high <= size else None


def find_drift(values: NDArray[np.float64]) -> Drift:
    """Mann's test on the medians of `BLOCKS` blocks."""
    from scipy import stats

    if len(values) < 2 * BLOCKS:
        return Drift(1.0, 0.0, found=False)
    medians = np.array([np.median(block) for block in np.array_split(values, BLOCKS)])
    quarter = len(values) // 4
    first, last = float(np.median(values[:quarter])), float(np.median(values[-quarter:]))
    p_value = 1.0 if np.ptp(medians) == 0 else float(stats.kendalltau(np.arange(BLOCKS), medians).pvalue)
    return Drift(p_value, last / first - 1 if first else 0.0, found=p_value < DRIFT_LEVEL)


def _quantile(
    values: NDArray[np.float64], ordered: NDArray[np.float64], probability: float, batches: int, *, supported: bool
) -> Estimate:
    size = len(values)
    value = float(ordered[math.ceil(probability * size) - 1])
    below = (values <= value).astype(np.float64)
    count = max(1, math.floor(size / (integrated_time(below, batches) * price(batches))))
    found = ranks(count, probability) if supported else None
    if found is None:
        return Estimate(value)
    low, high = ((rank - 0.5) * size / count + 0.5 for rank in found)
    return Estimate(value, float(ordered[math.floor(low) - 1]), float(ordered[min(math.ceil(high), size) - 1]))


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of the ranks: one outlier must not hide how the others hang together."""
    from scipy import special, stats

    return np.asarray(special.ndtri(stats.rankdata(values) / (len(values) + 1)))
