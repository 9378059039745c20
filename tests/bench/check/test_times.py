from __future__ import annotations

import math
from typing import Any

import pytest

from resnet_export.bench.check.times import Compared, compare_times

P50 = {"p50_ms": 20.0, "p50_low_ms": 19.9, "p50_high_ms": 20.1}
NONE = {"p50_ms": None, "p50_low_ms": None, "p50_high_ms": None}
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
        assert found.ratio[0] == 1.0


def test_the_interval_of_a_ratio() -> None:
    twice = {"ratio": 5.6, "ratio_low": 5.4, "ratio_high": 5.8, "reference": "one"}
    ratio = compare_times(case(relative=twice), case()).ratio
    half = math.hypot(math.log(5.8 / 5.4), math.log(2.9 / 2.7)) / 2
    assert ratio == pytest.approx((2.0, 2.0 * math.exp(-half), 2.0 * math.exp(half)))


def test_where_neither_can_tell_it_is_the_median_that_is_missing() -> None:
    assert compare_times(case(NONE, None), case(NONE)) == Compared("p50", None, None)


def test_a_result_of_before_there_was_a_reference() -> None:
    assert compare_times({"status": "measured", **P50}, case()).quantity == "p50"


def test_one_side_alone() -> None:
    assert compare_times(case(), None) == Compared("relative", (2.8, 2.7, 2.9), None)
    assert compare_times(None, case(relative=None)) == Compared("p50", None, (20.0, 19.9, 20.1))
