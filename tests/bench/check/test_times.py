from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.check.times import Compared, compare_times, time_ms
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.results import Relative
from tests.bench.examples import crashed, measured, result, series

if TYPE_CHECKING:
    from resnet_export.bench.results import CaseResult

P50, NONE = Estimate(20.0, 19.9, 20.1), Estimate(20.0)
SERIES = series(8)


def beside(ratio: float, low: float | None, high: float | None, reference: str = "one") -> Relative:
    return Relative(Estimate(ratio, low, high), 11, reference, 7.0, ())


RELATIVE = beside(2.8, 2.7, 2.9)


def case(p50: Estimate = P50, relative: Relative | None = RELATIVE) -> CaseResult:
    own = dataclasses.replace(SERIES, latency_ms=dataclasses.replace(SERIES.latency_ms, p50=p50))
    return result(measured=measured(series=(own,)), relative=relative)


@pytest.mark.parametrize(
    ("result", "baseline", "quantity"),
    [
        (case(), case(), "relative"),
        (case(NONE), case(), "relative"),
        (case(), case(relative=None), "p50"),
        (case(), case(relative=beside(2.8, 2.7, 2.9, "another")), "p50"),
    ],
)
def test_the_best_that_both_have(result: CaseResult, baseline: CaseResult, quantity: str) -> None:
    for found in (compare_times(result, baseline), compare_times(baseline, result)):
        assert found.quantity == quantity
        assert found.ratio is not None
        assert found.ratio.value == 1.0


def test_the_interval_of_a_ratio() -> None:
    twice = beside(5.6, 5.4, 5.8)
    ratio = compare_times(case(relative=twice), case()).ratio
    half = math.hypot(math.log(5.8 / 5.4), math.log(2.9 / 2.7)) / 2
    assert ratio is not None
    found = (ratio.value, ratio.low, ratio.high)
    assert found == pytest.approx((2.0, 2.0 * math.exp(-half), 2.0 * math.exp(half)))


def test_where_one_has_no_interval_the_ratio_has_none() -> None:
    found = compare_times(case(NONE, None), case())
    assert (found.quantity, found.ratio) == ("p50", Estimate(1.0))


def test_an_interval_beside_the_reference_network_is_better_than_none() -> None:
    short = beside(2.8, None, None)
    assert compare_times(case(NONE, short), case(NONE, short)).quantity == "p50"
    assert compare_times(case(relative=short), case()).quantity == "p50"


def test_a_case_that_was_not_measured_has_no_time() -> None:
    assert compare_times(crashed(), crashed()) == Compared("p50", None, None)
    assert time_ms(crashed()) is None
    assert time_ms(case()) == 20.0


def test_one_side_alone() -> None:
    assert compare_times(case(), None) == Compared("p50", P50, None)
    assert compare_times(None, case(relative=None)) == Compared("p50", None, P50)
