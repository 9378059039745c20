"""How many independent samples a series of latencies is worth.

    tau    = var(sum of the samples) / (n var(sample))       integrated autocorrelation time
    n_eff  = n / tau                                         effective sample size

Two estimates of tau. The first is Geyer's initial monotone sequence: with G_j = rho_{2j} + rho_{2j+1}, rho_k the
autocorrelation at lag k,

    tau_0  = -1 + 2 sum_j G_j       up to the first G_j <= 0, each G_j at most the one before

(C. J. Geyer, Practical Markov chain Monte Carlo, Statistical Science 7, 1992, section 3.3). It is too small for short
series and much too noisy for slow ones, so it only chooses how long the batches are of the second:

    tau    = L var(means of b batches of L samples each) / var(sample),      L >= 5 tau_0,  8 <= b <= 40

(A. M. Law, Simulation Modeling and Analysis, 5th edition, section 9.5.3). An interval also pays for a variance that
comes from b numbers only: tau grows by (t / z)^2, t being Student's quantile with b - 1 degrees of freedom. With it, a
level that changes in the middle of a run makes an interval wide, but doesn't take it away.

Neither goes below 1: a series that alternates does not count for more samples than it has.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

FEWEST_BATCHES, MOST_BATCHES = 8, 40
"""With fewer, Student's t alone would widen an interval by more than a fifth; with more, it changes by less than 1 %.
"""
TIMES_IN_A_BATCH = 5
"""Autocorrelation times that a batch lasts at least: the means of neighbouring ones are then nearly independent."""
LEVEL = 0.95
"""Of the intervals, for which t and z are taken."""


def autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """rho_0 to rho_{n-1}; zeros but for rho_0 where all values are the same."""
    centred, size = values - values.mean(), len(values)
    if np.ptp(values) == 0:
        return np.concatenate(([1.0], np.zeros(size - 1)))
    length = 1 << (2 * size - 1).bit_length()
    spectrum = np.fft.rfft(centred, length)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), length)[:size]
    return np.asarray(covariance / covariance[0])


def batch_count(values: NDArray[np.float64]) -> int:
    """The number of batches that the series is cut into; `values` (n,) in the order in which they were taken."""
    wanted = len(values) / (TIMES_IN_A_BATCH * _initial_sequence(values))
    return max(1, min(len(values) // 2, max(FEWEST_BATCHES, min(MOST_BATCHES, math.floor(wanted)))))


def integrated_time(values: NDArray[np.float64], batches: int) -> float:
    """Tau, the number of samples that are worth one; 1 or more.

    Args:
        values: (n,) in the order in which they were taken.
        batches: see `batch_count`.
    """
    if batches < 2 or np.ptp(values) == 0:
        return 1.0
    length = len(values) // batches
    # What does not fill a batch is left out at the front: of this estimate only, not of the samples.
    means = values[len(values) - batches * length :].reshape(batches, length).mean(axis=1)
    return max(1.0, float(length * means.var(ddof=1) / values.var(ddof=1)))


@cache
def price(batches: int) -> float:
    """(t / z)^2: by how much more samples an interval takes, since tau itself is estimated."""
    from scipy import stats

    half = (1 + LEVEL) / 2
    return float(stats.t.ppf(half, batches - 1) / stats.norm.ppf(half)) ** 2 if batches > 1 else math.inf


def _initial_sequence(values: NDArray[np.float64]) -> float:
    rho = autocorrelation(values)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else pairs
    return max(1.0, float(-1 + 2 * np.minimum.accumulate(positive).sum())) if len(positive) else 1.0
