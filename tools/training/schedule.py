"""The learning rate of every step, the same in both frameworks.

constant    peak
cosine      peak (1 + cos(pi t)) / 2
one-cycle   rises from peak / 25 for the first 30 % of the steps, then falls to peak / 10,000, both along half a cosine

t = step / steps, from 0. One-cycle is that of PyTorch's `OneCycleLR` (Smith and Topin 2017).
"""

from __future__ import annotations

import math

SCHEDULES = ("one-cycle", "cosine", "constant")
RISE = 0.3
FIRST, LAST = 1 / 25, 1e-4
"""Shares of the peak at which one-cycle begins and ends."""


def rate(schedule: str, peak: float, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 0."""
    if schedule == "constant":
        return peak
    if schedule == "cosine":
        return peak * _between(1.0, 0.0, step / steps)
    top = RISE * steps
    if step < top:
        return peak * _between(FIRST, 1.0, step / top)
    return peak * _between(1.0, LAST, (step - top) / (steps - top))


def _between(start: float, end: float, share: float) -> float:
    """Along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
