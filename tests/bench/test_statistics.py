from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resnet_export.bench.dependence import autocorrelation, integrated_time, lag_1
from resnet_export.bench.statistics import find_drift, needed, needed_for_bound, ranks, summarise

INDEPENDENT = np.random.default_rng(3).lognormal(0.0, 0.2, 2000)


def test_a_two_sided_interval_of_p99_needs_368() -> None:
    assert needed(0.99) == 368
    assert ranks(368, 0.99) is not None
    assert ranks(367, 0.99) is None


def test_a_one_sided_bound_of_p99_needs_662() -> None:
    assert needed_for_bound(0.99, level=0.99, beyond=1) == 662
    assert summarise(INDEPENDENT[:661]).bound_needs is not None


@given(st.integers(2, 3000), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_ranks_are_the_narrowest_that_hold_the_level(size: int, probability: float) -> None:
    found = ranks(size, probability)
    if found is None:
        assert size < needed(probability)
        return
    low, high = found
    below = stats.binom(size, probability)
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)
    assert 1 <= low < high <= size


def test_what_the_samples_cannot_support_is_none_with_the_number_that_it_takes() -> None:
    summary = summarise(INDEPENDENT[:200])
    p50, p99 = summary.quantile(0.5), summary.quantile(0.99)
    assert p50.low is not None
    assert p50.value is not None
    assert p50.high is not None
    assert p50.low < p50.value < p50.high
    assert p50.needs is None
    assert (p99.value, p99.low, p99.high, p99.needs) == (None, None, None, 368)


def test_below_64_effective_samples_there_is_nothing() -> None:
    summary = summarise(INDEPENDENT[:63])
    assert summary.mean is None
    assert all(one.value is None and one.needs is not None and one.needs >= 64 for one in summary.quantiles)
    series = np.cumsum(np.random.default_rng(0).standard_normal(1000))
    wandering = summarise(series - series.min() + 1)
    assert wandering.effective < 64
    assert all(one.value is None and one.needs is not None and one.needs > 1000 for one in wandering.quantiles)


def test_no_sample_is_dropped() -> None:
    slow = INDEPENDENT.copy()
    slow[7] = 1e6
    summary = summarise(slow)
    assert summary.samples == 2000
    assert summary.mean is not None
    assert summary.mean.value == pytest.approx(slow.mean())


def test_the_order_of_the_quantiles() -> None:
    summary = summarise(INDEPENDENT)
    values = [one.value for one in summary.quantiles]
    assert values == sorted(np.quantile(INDEPENDENT, [0.5, 0.9, 0.95, 0.99], method="inverted_cdf"))
    assert summary.bound is not None
    assert summary.bound > summary.quantiles[-1].value  # type: ignore[operator]


@pytest.mark.parametrize("samples", [1, 2, 3, 64, 1000])
def test_samples_that_are_all_the_same(samples: int) -> None:
    summary = summarise([5.0] * samples)
    assert (summary.effective, summary.lag1, summary.drift.found) == (samples, 0.0, False)
    assert summary.quantile(0.5).value == (5.0 if samples >= 64 else None)


def test_none_at_all() -> None:
    with pytest.raises(ValueError, match="there are no samples"):
        summarise([])


class TestDependence:
    def test_autocorrelation_by_its_definition(self) -> None:
        values = INDEPENDENT[:50]
        centred = values - values.mean()
        expected = [(centred[: 50 - k] * centred[k:]).sum() / (centred**2).sum() for k in range(50)]
        np.testing.assert_allclose(autocorrelation(values), expected, atol=1e-12)
        assert lag_1(values) == pytest.approx(expected[1])

    def test_an_alternating_series_is_worth_no_more_than_its_length(self) -> None:
        assert integrated_time(np.tile([1.0, 2.0], 100), "closed") == 1.0
        assert integrated_time(np.tile([1.0, 2.0], 100), "open") == 1.0

    @pytest.mark.parametrize("loop", ["closed", "open"])
    def test_repeated_samples_count_once(self, loop: str) -> None:
        tripled = np.repeat(INDEPENDENT, 3)
        assert integrated_time(tripled, loop) >= 2.5  # type: ignore[arg-type]


class TestDrift:
    def test_a_trend(self) -> None:
        drift = find_drift(INDEPENDENT * np.linspace(1.0, 1.2, 2000))
        assert drift.found
        assert drift.change == pytest.approx(0.15, abs=0.03)

    def test_none_in_a_steady_series(self) -> None:
        found = sum(find_drift(np.random.default_rng(seed).lognormal(0, 0.2, 400)).found for seed in range(200))
        assert found <= 2 + 3 * math.sqrt(2), "1 % of 200, and three standard deviations"

    def test_too_few_to_tell(self) -> None:
        assert find_drift(np.arange(10.0)).p_value == 1.0


def test_in_a_queue_no_drift_is_sought() -> None:
    rising = np.linspace(1, 2, 1000)
    found = summarise(rising, "open").drift
    assert found is not None
    assert found.found
    assert summarise(rising, "open", queue=True).drift is None
