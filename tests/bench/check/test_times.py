from __future__ import annotations

import math
from typing import Any

import pytest

from resnet_export.bench.check.times import Compared, compare_times, time_ms
from resnet_export.bench.estimate import Estimate

P50 = {"p50_ms": 20.0, "p50_low_ms": 19.9, "p50_high_ms": 20.1}
NONE = {"p50_ms": 20.0, "p50_low_ms": None, "p50_high_ms": None}
RELATIVE = {"ratio": 2.8, "ratio_low": 2.7, "ratio_high": 2.9, "reference": "one"}


def case(p50: dict[str, Any] = P50, relative: dict[str, Any] | None = RELATIVE) -> dict[str, Any]:
    return {"status": "measured", **p50, "relative": relative}


@pytest.mark.parametrize(
    ("result", "baseline", "quantity"),
    [
        (case(), case(), "relative"),
        (case(NONE), case(), "relative"),
        (case(), case(relative=None), "p50"),
        (case(), case(relative=RELATIVE | {"reference": "another"}), "p50"),
    ],
)
def test_the_best_that_both_have(result: dict[str, Any], baseline: dict[str, Any], quantity: str) -> None:
    for found in (compare_times(result, baseline), compare_times(baseline, result)):
        assert found.quantity == quantity
        assert found.ratio is not None
        assert found.ratio.value == 1.0


def test_the_interval_of_a_ratio() -> None:
    twice = {"ratio": 5.6, "ratio_low": 5.4, "ratio_high": 5.8, "reference": "one"}
    ratio = compare_times(case(relative=twice), case()).ratio
    half = math.hypot(math.log(5.8 / 5.4), math.log(2.9 / 2.7)) / 2
    assert ratio is not None
    found = (ratio.value, ratio.low, ratio.high)
    assert found == pytest.approx((2.0, 2.0 * math.exp(-half), 2.0 * math.exp(half)))


def test_where_one_has_no_interval_the_ratio_has_none() -> None:
    found = compare_times(case(NONE, None), case())
    assert (found.quantity, found.ratio) == ("p50", Estimate(1.0))


def test_an_interval_beside_the_reference_network_is_better_than_none() -> None:
    short = {"ratio": 2.8, "ratio_low": None, "ratio_high": None, "reference": "one"}
    assert compare_times(case(NONE, short), case(NONE, short)).quantity == "p50"
    assert compare_times(case(relative=short), case()).quantity == "p50"


def test_a_case_that_was_not_measured_has_no_time() -> None:
    assert compare_times({"status": "crashed"}, {"status": "hung"}) == Compared("p50", None, None)
    assert time_ms({"status": "crashed"}) is None
    assert time_ms(case()) == 20.0


def test_a_result_of_before_there_was_a_reference() -> None:
    assert compare_times({"status": "measured", **P50}, case()).quantity == "p50"


def test_one_side_alone() -> None:
    assert compare_times(case(), None) == Compared("p50", Estimate(20.0, 19.9, 20.1), None)
    assert compare_times(None, case(relative=None)) == Compared("p50", None, Estimate(20.0, 19.9, 20.1))
