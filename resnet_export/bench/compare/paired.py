"""How much slower B is than A, from launches in which both were measured in turns.

A launch is a fresh process of each side, in which short blocks of runs take turns: pairs of neighbouring blocks, as
often A B as B A, so that a steady drift cancels. The launch's ratio is the median of its pairs', which a disturbance of
some of them leaves alone. On logarithms:

    m_p = log(median(times of B in pair p) / median(times of A in pair p))
    x_l = median of the m_p of launch l

Where a process happens to have its memory makes it faster or slower by a percent or so for as long as it lives. So the
launch is what counts, n of them, and not the thousands of runs. Of the x_l

    w_1 <= ... <= w_N      all averages (x_i + x_j) / 2, i <= j, N = n (n + 1) / 2
    ratio                  exp(median of the w)                             (Hodges and Lehmann)
    95 % interval          exp(w_k) to exp(w_{N+1-k}), k the largest with P(T < k) <= 2.5 %

with T Wilcoxon's signed-rank statistic of n values (M. Hollander, D. A. Wolfe and E. Chicken, Nonparametric Statistical
Methods, 3rd edition, sections 3.2 and 3.3). It holds its level exactly wherever the x_l scatter symmetrically, as the
logarithm of a ratio of two alike does, however far single launches are off; six launches are the least that have one.
Student's interval of the mean is 2 % narrower for normal x_l, and wider by half where one launch in ten is off by five
times the rest. With three to five launches, as in a few seconds, it is the one that there is:

    ratio                  exp(mean of the x)
    95 % interval          exp(mean -+ t s / sqrt(n)), s their standard deviation, t Student's

Fewer give a ratio without an interval, which is shown with a mark.

The verdict on B, with the band from 1 - band to 1 + band, in this order:

    equivalent      the interval lies within the band
    faster, slower  it lies below 1, or above 1
    inconclusive    neither; an interval's width falls with the square root of the launches, so that
                    n (half the width / the half-width that would decide)^2 of them would tell
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.estimate import Estimate

Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]
LEVEL = 0.95
"""Level of the interval."""
LEAST_LAUNCHES = 6
"""Launches that have an interval at this level, whatever their distribution: all of five fall on one side of the truth
in 2 of 32 cases."""
LEAST_NORMAL = 3
"""Launches that have Student's: of two, it would be wider than anything that is compared."""


def verdict_of(ratio: Estimate, band: float) -> Verdict:
    """What the ratio says of B, when everything within 1 - band and 1 + band is the same."""
    if ratio.interval is None:
        return "inconclusive"
    low, high = ratio.interval
    if 1 - band <= low and high <= 1 + band:
        return "equivalent"
    if high < 1:
        return "faster"
    return "slower" if low > 1 else "inconclusive"


def launches_needed(ratio: Estimate, launches: int, band: float) -> int | None:
    """Launches that would probably give a verdict where so many did not; None where no number would."""
    if ratio.interval is None:
        return LEAST_LAUNCHES
    low, high = ratio.interval
    centre, half = math.log(ratio.value), math.log(high / low) / 2
    within = min(math.log1p(band) - centre, centre - math.log1p(-band))
    enough = max(within, abs(centre))
    return None if enough <= 0 else max(launches + 1, math.ceil(launches * (half / enough) ** 2))


def launch_log_ratio(pairs: Iterable[tuple[Sequence[float], Sequence[float]]]) -> float:
    """The x_l of a launch.

    Args:
        pairs: the times of A and of B in each, in the same unit.
    """
    return statistics.median(math.log(statistics.median(b) / statistics.median(a)) for a, b in pairs)


def estimate(log_ratios: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """The ratio, from the x_l of one launch or more.

    Raises:
        ValueError: there is none.
    """
    values = np.asarray(log_ratios, dtype=np.float64)
    size = len(values)
    if not size:
        raise ValueError("there are no launches")
    if size < LEAST_NORMAL:
        return Estimate(math.exp(float(values.mean())))
    if size < LEAST_LAUNCHES:
        from scipy import stats

        centre = float(values.mean())
        half = stats.t.ppf((1 + LEVEL) / 2, size - 1) * stats.sem(values)
        return Estimate(math.exp(centre), math.exp(centre - half), math.exp(centre + half))
    averages = np.sort(((values[:, None] + values) / 2)[np.triu_indices(size)])
    rank = signed_rank(size)
    low, high = averages[rank - 1], averages[-rank]
    return Estimate(math.exp(np.median(averages)), math.exp(low), math.exp(high))


@cache
def signed_rank(size: int) -> int:
    """The k of the interval from that many values; 0 where there is none.

    The distribution of T is that of the sum of those of 1, ..., n that n fair coins choose.
    """
    chances = np.ones(1)
    for rank in range(1, size + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    # P(T < k) for k = 0, 1, ...
    below = np.concatenate(([0.0], np.cumsum(chances)))
    return int(np.searchsorted(below, (1 - LEVEL) / 2 + 1e-12, side="right")) - 1
