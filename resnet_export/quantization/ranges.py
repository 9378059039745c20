"""From a histogram to the range that 8 bits are spread over. Numbers outside of it become its ends.

    minmax         [min x, max x]
    percentile p   [a, b], where at most (100 - p) / 2 % of the numbers lie below a, and as many above b
    entropy        [max(-t, min x), min(t, max x)] with the t that minimises the divergence

                       KL(P, Q) = sum_i P_i log(P_i / Q_i)

                   P is the histogram of |x| up to t, with all that lies above t in its last bin. Q is the histogram up
                   to t in `LEVELS` groups of bins, each spread evenly over those of its bins that are not empty
                   (S. Migacz, 8-bit inference with TensorRT, GTC 2017). The first bin, where a ReLU puts half of all
                   numbers, counts as the second does: every range holds 0

A percentile is known to the width of a bin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.quantization.statistics import BINS, Values

Range = tuple[float, float]
LEVELS = 128
"""Groups of bins: the steps of 8 bits for |x|."""
CANDIDATES = 64
"""Thresholds that are tried, from `LEVELS` bins to all."""
TINY = 1e-12
"""Stands for a share of 0 in a logarithm."""


def minmax(values: Values) -> Range:
    """All of it."""
    return values.low, values.high


def percentile(values: Values, percent: float) -> Range:
    """All but the ends, which hold the rest to 100 % in equal parts."""
    counts, width = values.histogram, (values.high - values.low) / BINS
    allowed = counts.sum() * (100 - percent) / 200
    below = int(np.searchsorted(np.cumsum(counts), allowed, side="right"))
    above = int(np.searchsorted(np.cumsum(counts[::-1]), allowed, side="right"))
    return values.low + below * width, values.high - above * width


def entropy(values: Values) -> Range:
    """The range whose histogram loses the least by 8 bits."""
    largest = max(abs(values.low), abs(values.high))
    if not largest:
        return values.low, values.high
    centres = values.low + (np.arange(BINS) + 0.5) * (values.high - values.low) / BINS
    at = np.minimum((np.abs(centres) * (BINS / largest)).astype(int), BINS - 1)
    folded = np.bincount(at, values.histogram, BINS)
    folded[0] = folded[1]
    ends = np.linspace(LEVELS, BINS, CANDIDATES).astype(int)
    best = min(ends, key=lambda end: _divergence(folded, int(end)))
    threshold = largest * best / BINS
    return max(-threshold, values.low), min(threshold, values.high)


def _divergence(counts: NDArray[Any], end: int) -> float:
    """KL(P, Q) for the threshold behind `end` bins."""
    kept = counts[:end]
    clipped = kept.copy()
    clipped[-1] += counts[end:].sum()
    starts = (np.arange(LEVELS) * end) // LEVELS
    filled = np.maximum(np.add.reduceat((kept > 0).astype(float), starts), 1)
    level = np.searchsorted(starts, np.arange(end), side="right") - 1
    spread = np.where(kept > 0, (np.add.reduceat(kept, starts) / filled)[level], 0)
    p, q = (np.maximum(part / max(part.sum(), TINY), TINY) for part in (clipped, spread))
    return float((p * np.log(p / q)).sum())


METHODS: Mapping[str, Callable[[Values], Range]] = {
    "minmax": minmax,
    "entropy": entropy,
    "percentile-99.99": partial(percentile, percent=99.99),
    "percentile-99.999": partial(percentile, percent=99.999),
}
"""Name -> how a range is chosen."""
AUTO = "auto"
"""The one of them with which the logits of other pictures have the least error."""
