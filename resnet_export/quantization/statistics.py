"""What the values of a network are on pictures: two passes through ONNX Runtime, batch by batch.

    pass 1   the least and the largest number of each value, and the mean of each of its channels
    pass 2   a histogram of each value between these two, with `BINS` bins

The memory that it takes depends on the network alone, not on how many pictures there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import IMAGE, Network, concrete
from resnet_export.quantization.float_network import FloatNetwork
from resnet_export.quantization.pictures import Part

BINS = 2048
"""TensorRT's number: the width of a bin is an eighth of a step of 8 bits."""
BATCH_BYTES = 64 * 2**20
"""Of all values of a batch."""

Batch = Mapping[str, NDArray[Any]]
Show = Callable[[str], None] | None


@dataclass(frozen=True)
class Values:
    """What was found of one value."""

    low: float
    high: float
    means: NDArray[np.float64]
    """(channels,)"""
    histogram: NDArray[np.int64]
    """(BINS,) of equal width from `low` to `high`."""


def batch_size(network: Network) -> int:
    """How many pictures are run together."""
    each = sum(4 * int(np.prod(concrete(shape, 1))) for shape in network.shapes.values())
    return network.batch or max(1, min(16, BATCH_BYTES // each))


def measure(network: FloatNetwork, part: Part, show: Show = None) -> dict[str, Values]:
    """Name of a step, or of the image -> what was found.

    Args:
        network: in float32.
        part: the pictures.
        show: told how it stands.
    """
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    sums: dict[str, NDArray[np.float64]] = {}
    for batch in _runs(network, part, show, "pass 1 of 2"):
        for name, value in batch.items():
            low[name] = min(low.get(name, np.inf), float(value.min()))
            high[name] = max(high.get(name, -np.inf), float(value.max()))
            summed = value.mean(tuple(range(2, value.ndim)), np.float64).sum(0)
            sums[name] = sums.get(name, 0.0) + summed
    counts = {name: np.zeros(BINS, np.int64) for name in low}
    for batch in _runs(network, part, show, "pass 2 of 2"):
        for name, value in batch.items():
            counts[name] += histogram(value, low[name], high[name])
    return {name: Values(low[name], high[name], sums[name] / part.count, counts[name]) for name in low}


def histogram(value: NDArray[Any], low: float, high: float) -> NDArray[np.int64]:
    """The numbers of elements in `BINS` bins of equal width; `numpy.histogram` is several times slower."""
    if not high > low:
        return np.bincount([0], [value.size], BINS).astype(np.int64)
    # Divided first: of a tiny range the quotient would overflow.
    at = ((value.ravel() - np.float32(low)) / np.float32(high - low) * np.float32(BINS)).astype(np.int32)
    return np.bincount(np.minimum(at, BINS - 1, out=at), minlength=BINS)


def _runs(network: FloatNetwork, part: Part, show: Show, what: str) -> Iterator[Batch]:
    names = [step.name for step in network.network.steps]
    done = 0
    with network.open() as session:
        for images in part.normalised(network.preprocessing, batch_size(network.network)):
            found = session.values(images, [network.value_of[name] for name in names])
            yield {IMAGE: images, **{name: found[network.value_of[name]] for name in names}}
            done += len(images)
            if show is not None:
                show(f"{what}, {done} of {part.count}")
