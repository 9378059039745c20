"""The floor of a latency: what it is while nothing disturbs the machine.

A virtual machine's pace may change by 20 % and stay there for ten seconds. The samples of a minute are then worth some
ten independent ones, which support no median. But what others do to a machine only adds to a latency, and while they
pause it is the program's own (J. Chen and J. Revels, Robust benchmarking in noisy environments, arXiv:1608.04295, 2016,
who take the minimum). With the samples cut into windows of half a second that follow each other,

    m_j       median of window j, j = 1 ... K
    floor     the lowest m_j, window a
    again     the lowest m_j at least 20 windows away from a

A window's median, since a single sample may have had luck; and there is a floor only where `again` is within 3 % of it,
since a pace that comes again ten seconds later is the machine's best, and no accident such as a clock that was boosted
for a moment. From the floor to `again` is its range. That is no confidence interval: nobody knows how likely a pause of
the others is, and a minute that met none twice at the same level may still take that level for the floor. The floor
says nothing of what happens now and then: that is for the quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WINDOW_MS = 500.0
"""Of a window, at least: shorter than any level that the pace of a machine was seen to stay at."""
WINDOW_SAMPLES = 16
"""In a window, at least: a median of 16 samples that vary by 1 % is good to 0.3 %."""
LEAST_WINDOWS = 40
"""Twenty seconds: two that are far apart, with as many again to choose from."""
APART = 20
"""Windows between the two that have to agree, at least: ten seconds."""
AGREEMENT = 0.03
"""From the first of them to the second."""


@dataclass(frozen=True)
class Floor:
    """The latency while nothing disturbs, in milliseconds."""

    value: float
    """Of the fastest window."""
    again: float
    """Of the fastest that is far from it."""


def find_floor(samples_ms: Sequence[float] | NDArray[np.float64]) -> Floor | None:
    """The floor of calls one behind the other, or None where they show none.

    Args:
        samples_ms: (n,) in milliseconds, n >= 1, in the order in which they were taken.
    """
    values = np.asarray(samples_ms, dtype=np.float64)
    length = max(WINDOW_MS, WINDOW_SAMPLES * float(np.median(values)))
    ends = np.cumsum(values)
    # The last window isn't full, and one in which no call ended, since it took longer, stands for itself.
    windows = np.split(values, np.searchsorted(ends, np.arange(length, ends[-1], length), side="right"))[:-1]
    medians = np.array([np.median(window) if len(window) else np.inf for window in windows])
    if len(medians) < LEAST_WINDOWS:
        return None
    fastest = int(np.argmin(medians))
    far = np.concatenate((medians[: max(0, fastest - APART + 1)], medians[fastest + APART :]))
    value, again = float(medians[fastest]), float(far.min())
    return Floor(value, again) if again <= value * (1 + AGREEMENT) else None
