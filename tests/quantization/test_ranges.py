from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.quantization.ranges import METHODS, entropy, minmax, percentile
from resnet_export.quantization.statistics import BINS, Values, histogram


def values(numbers: np.ndarray) -> Values:
    low, high = float(numbers.min()), float(numbers.max())
    return Values(low, high, np.zeros(1), histogram(numbers, low, high))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=200))
def test_a_histogram_counts_as_numpy_does_but_for_the_edges_of_bins(drawn: list[float]) -> None:
    numbers = np.array(drawn, np.float32)
    low, high = float(numbers.min()), float(numbers.max())
    counts = histogram(numbers, low, high)
    assert counts.shape == (BINS,)
    assert counts.sum() == len(numbers)
    if high - low > 1e-30:  # NumPy refuses so many bins of less
        right = np.histogram(numbers.astype(float), BINS, (low, high))[0]
        # A number on an edge may fall to either side in float32.
        assert np.abs(np.cumsum(counts - right)).max() <= len(numbers)
        centre = (low + (np.arange(BINS) + 0.5) * (high - low) / BINS) @ counts / len(numbers)
        assert centre == pytest.approx(numbers.astype(float).mean(), abs=2 * (high - low) / BINS)


def test_a_tiny_range_does_not_overflow() -> None:
    counts = histogram(np.float32([0, 1e-45]), 0.0, float(np.float32(1e-45)))
    assert (counts[0], counts[-1]) == (1, 1)


def test_minmax_takes_all() -> None:
    assert minmax(values(np.float32([-2, 0, 5]))) == (-2, 5)


@pytest.mark.parametrize("percent", [99.0, 99.9])
def test_a_percentile_leaves_out_its_share_at_each_end(percent: float) -> None:
    numbers = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    found = values(numbers)
    low, high = percentile(found, percent)
    width = (found.high - found.low) / BINS
    right = np.percentile(numbers, [(100 - percent) / 2, 100 - (100 - percent) / 2])
    np.testing.assert_allclose([low, high], right, atol=2 * width)
    assert (numbers < low).mean() <= (100 - percent) / 200
    assert (numbers > high).mean() <= (100 - percent) / 200


def test_entropy_leaves_out_an_outlier_and_keeps_a_uniform_range() -> None:
    numbers = np.abs(np.random.default_rng(0).standard_normal(200_000)).astype(np.float32)
    low, high = entropy(values(np.append(numbers, np.float32(100))))
    assert low == 0 or low == pytest.approx(0, abs=0.01)
    assert 2 < high < 20
    uniform = np.linspace(0, 1, 100_000, dtype=np.float32)
    assert entropy(values(uniform))[1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_a_value_that_never_changes_has_a_range(method: str) -> None:
    assert METHODS[method](values(np.zeros(7, np.float32))) == (0, 0)
