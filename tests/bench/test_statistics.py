from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resnet_export.bench.dependence import autocorrelation, batch_count, integrated_time, price
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.statistics import find_drift, ranks, summarise

if TYPE_CHECKING:
    from resnet_export.bench.statistics import Summary

INDEPENDENT = np.random.default_rng(3).lognormal(0.0, 0.2, 2000)


def quantiles(summary: Summary) -> list[Estimate]:
    return [summary.p50, summary.p90, summary.p95, summary.p99]


def test_a_two_sided_interval_takes_6_samples_for_p50_and_368_for_p99() -> None:
    for probability, least in ((0.5, 6), (0.99, 368)):
        assert ranks(least, probability) is not None
        assert ranks(least - 1, probability) is None


@given(st.integers(2, 3000), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_ranks_are_the_narrowest_that_hold_the_level(size: int, probability: float) -> None:
    found = ranks(size, probability)
    if found is None:
        assert size < math.log(0.025) / math.log(max(probability, 1 - probability))
        return
    low, high = found
    below = stats.binom(size, probability)
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)
    assert 1 <= low < high <= size


def test_every_quantile_is_a_number_and_what_has_no_interval_is_marked() -> None:
    summary = summarise(INDEPENDENT[:200])
    p50, p99 = summary.p50, summary.p99
    assert p50.low is not None
    assert p50.high is not None
    assert p50.low < p50.value < p50.high
    assert p99.value == sorted(INDEPENDENT[:200])[197]
    assert not p99.has_interval
    assert (summary.min, summary.max) == (INDEPENDENT[:200].min(), INDEPENDENT[:200].max())


def test_a_percentile_beyond_the_samples_is_the_largest_of_them() -> None:
    summary = summarise(INDEPENDENT[:64])
    assert summary.p99 == Estimate(INDEPENDENT[:64].max())


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_below_8_effective_samples_there_are_values_without_intervals(samples: int) -> None:
    summary = summarise(INDEPENDENT[:samples])
    found = [summary.mean, *quantiles(summary)]
    assert all(math.isfinite(one.value) and not one.has_interval for one in found)


def test_a_series_that_wanders_is_worth_few_samples_and_keeps_its_median() -> None:
    series = np.cumsum(np.random.default_rng(0).standard_normal(1000))
    wandering = summarise(series - series.min() + 1)
    assert wandering.effective_samples < 20
    assert wandering.p50.value == np.quantile(series - series.min() + 1, 0.5, method="inverted_cdf")


def test_a_change_of_level_widens_an_interval_and_leaves_it_there() -> None:
    steady = summarise(INDEPENDENT).p50
    found = summarise(INDEPENDENT * np.where(np.arange(2000) < 1200, 1.0, 1.5)).p50
    for one in (steady, found):
        assert one.low is not None
        assert one.high is not None
    assert found.high - found.low > 5 * (steady.high - steady.low)  # type: ignore[operator]


def test_no_sample_is_dropped() -> None:
    slow = INDEPENDENT.copy()
    slow[7] = 1e6
    summary = summarise(slow)
    assert summary.samples == 2000
    assert summary.mean.value == pytest.approx(slow.mean())


def test_the_order_of_the_quantiles() -> None:
    summary = summarise(INDEPENDENT)
    values = [one.value for one in quantiles(summary)]
    assert values == sorted(np.quantile(INDEPENDENT, [0.5, 0.9, 0.95, 0.99], method="inverted_cdf"))


@pytest.mark.parametrize("samples", [1, 2, 3, 64, 1000])
def test_samples_that_are_all_the_same(samples: int) -> None:
    summary = summarise([5.0] * samples)
    assert summary.drift is not None
    assert (summary.effective_samples, summary.lag1_autocorrelation, summary.drift.found) == (samples, 0.0, False)
    assert {one.value for one in quantiles(summary)} == {5.0}


def test_none_at_all() -> None:
    with pytest.raises(ValueError, match="there are no samples"):
        summarise([])


class TestDependence:
    def test_autocorrelation_by_its_definition(self) -> None:
        values = INDEPENDENT[:50]
        centred = values - values.mean()
        expected = [(centred[: 50 - k] * centred[k:]).sum() / (centred**2).sum() for k in range(50)]
        np.testing.assert_allclose(autocorrelation(values), expected, atol=1e-12)

    def test_an_alternating_series_is_worth_no_more_than_its_length(self) -> None:
        assert integrated_time(np.tile([1.0, 2.0], 100), 10) == 1.0

    def test_repeated_samples_count_once(self) -> None:
        repeated = np.repeat(INDEPENDENT, 3)
        assert integrated_time(repeated, batch_count(repeated)) == pytest.approx(3, rel=0.25)

    def test_the_more_they_depend_the_fewer_and_longer_the_batches(self) -> None:
        assert batch_count(INDEPENDENT) == 40
        assert batch_count(np.repeat(INDEPENDENT[:50], 40)) < 20
        assert batch_count(np.cumsum(INDEPENDENT)) == 8
        assert batch_count(INDEPENDENT[:9]) == 4

    def test_few_batches_cost_what_students_t_costs(self) -> None:
        assert price(8) == pytest.approx((stats.t.ppf(0.975, 7) / 1.959964) ** 2)
        assert price(1) == math.inf


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
    found = summarise(rising).drift
    assert found is not None
    assert found.found
    assert summarise(rising, queue=True).drift is None
