"""How many independent samples a series of latencies is worth.

    rho_k  = sum_t (x_t - mean)(x_{t+k} - mean) / sum_t (x_t - mean)^2           autocorrelation at lag k
    tau    = 1 + 2 sum_k rho_k                                                   integrated autocorrelation time
    n_eff  = n / tau                                                             effective sample size

Two estimates of tau:

    closed loop   Geyer's initial monotone sequence: with G_j = rho_{2j} + rho_{2j+1}, tau = -1 + 2 sum_j G_j up to the
                  first G_j <= 0, where each G_j is at most the one before (C. J. Geyer, Practical Markov chain Monte
                  Carlo, Statistical Science 7, 1992, section 3.3)
    open loop     batch means: b batches of equal length, tau = length * var(batch means) / var(x), times
                  (t / z)^2, the price of a variance that is itself estimated from b numbers, t being Student's with
                  b - 1 degrees of freedom (A. M. Law, Simulation Modeling and Analysis, 5th edition, section 9.5.3);
                  of b = 8, 16 and 32 the largest

The autocorrelation of a queue fades too slowly for the first, whose noise adds up over hundreds of lags. Neither goes
below 1: a series that alternates is not taken for more samples than it has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Loop = Literal["closed", "open"]
"""Whether a request waits for the one before (closed), or comes when it comes (open)."""
BATCHES = (8, 16, 32)
"""Of the batch means. Many are short, and still depend on each other near saturation; few make a poor variance. Over
600 simulated queues (M/D/1, 100 000 requests at 50, 80 and 90 % load) the interval of the mean covered the truth in
98, 98 and 97 % of the runs; with 20 batches alone in 96, 96 and 94 %, and with 30 000 requests in 91 % at 90 % load."""
LEVEL = 0.95
"""For which t and z of the batch means are taken."""


def autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """rho_0 to rho_{n-1}; zeros but for rho_0 where all values are the same."""
    centred = values - values.mean()
    size = len(values)
    length = 1 << (2 * size - 1).bit_length()
    spectrum = np.fft.rfft(centred, length)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), length)[:size]
    if np.ptp(values) == 0:
        return np.concatenate(([1.0], np.zeros(size - 1)))
    return np.asarray(covariance / covariance[0])


def lag_1(values: NDArray[np.float64]) -> float:
    """rho_1; 0 where all values are the same."""
    centred = values - values.mean()
    variance = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / variance if np.ptp(values) > 0 else 0.0


def integrated_time(values: NDArray[np.float64], loop: Loop) -> float:
    """Tau, the number of samples that are worth one; 1 or more.

    Args:
        values: (n,) in the order in which they were taken.
        loop: that they come from.
    """
    if len(values) < 4 or np.ptp(values) == 0:
        return 1.0
    return max(1.0, _initial_sequence(values) if loop == "closed" else _batch_means(values))


def mean_half_width(values: NDArray[np.float64], loop: Loop, level: float = LEVEL) -> float:
    """Half the width of the interval of the mean, in the unit of the values."""
    from scipy import stats

    # The inflation by (t / z)^2 in tau of the open loop makes of z what Student's t would be.
    error = float(values.std(ddof=1)) * math.sqrt(integrated_time(values, loop) / len(values))
    return float(stats.norm.ppf((1 + level) / 2)) * error


def _initial_sequence(values: NDArray[np.float64]) -> float:
    rho = autocorrelation(values)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else pairs
    return float(-1 + 2 * np.minimum.accumulate(positive).sum()) if len(positive) else 1.0


def _batch_means(values: NDArray[np.float64]) -> float:
    return max(_batches(values, count) for count in BATCHES if 2 * count <= len(values) or count == BATCHES[0])


def _batches(values: NDArray[np.float64], count: int) -> float:
    from scipy import stats

    count = min(count, len(values) // 2)
    length = len(values) // count
    # What does not fill a batch is left out at the front: of this estimate only, not of the samples.
    means = values[len(values) - count * length :].reshape(count, length).mean(axis=1)
    half = (1 + LEVEL) / 2
    price = (stats.t.ppf(half, count - 1) / stats.norm.ppf(half)) ** 2
    return float(length * means.var(ddof=1) / values.var(ddof=1) * price)
