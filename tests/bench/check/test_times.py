from __future__ import annotations

from typing import Any

import pytest

from resnet_export.bench.check.times import Compared, compare_times

TOLERANCE = 0.05
TIGHT = {"p50_ms": 20.0, "p50_low_ms": 19.9, "p50_high_ms": 20.1}
WIDE = {"p50_ms": 20.0, "p50_low_ms": 18.5, "p50_high_ms": 21.5}
NONE = {"p50_ms": None, "p50_low_ms": None, "p50_high_ms": None}


def case(p50: dict[str, Any], floor: tuple[float, float] | None = (18.0, 18.2), **changes: Any) -> dict[str, Any]:
    first, again = floor or (None, None)
    return {"status": "measured", **p50, "floor_ms": first, "floor_again_ms": again, "floor_windows": 119, **changes}


@pytest.mark.parametrize(
    ("result", "baseline", "quantity"),
    [
        (case(TIGHT), case(TIGHT), "p50"),
        (case(NONE), case(NONE), "floor"),
        (case(TIGHT), case(NONE), "floor"),
        (case(WIDE), case(TIGHT), "floor"),
        (case(WIDE, None), case(TIGHT), "p50"),
        (case(WIDE), case(WIDE, None), "p50"),
    ],
)
def test_the_first_whose_ratio_is_known_well_enough(
    result: dict[str, Any], baseline: dict[str, Any], quantity: str
) -> None:
    found = compare_times(result, baseline, TOLERANCE)
    assert found.quantity == quantity
    assert found.ratio is not None


def test_a_wide_interval_does_for_a_wide_tolerance() -> None:
    assert compare_times(case(WIDE), case(WIDE), 0.15).quantity == "p50"


def test_the_range_of_a_ratio_of_floors_goes_from_one_extreme_to_the_other() -> None:
    found = compare_times(case(NONE, (20.0, 20.4)), case(NONE, (10.0, 10.2)), TOLERANCE)
    assert found == Compared("floor", (20.0, 20.0, 20.4), (10.0, 10.0, 10.2), (2.0, 20.0 / 10.2, 20.4 / 10.0))


def test_a_result_of_before_there_were_floors() -> None:
    old = {"status": "measured", **NONE}
    assert compare_times(old, case(NONE), TOLERANCE) == Compared("p50", None, None)


def test_a_floor_of_half_a_minute_is_not_compared() -> None:
    assert compare_times(case(NONE, floor_windows=59), case(NONE), TOLERANCE).ratio is None


def test_one_side_alone() -> None:
    assert compare_times(case(TIGHT), None, TOLERANCE) == Compared("p50", (20.0, 19.9, 20.1), None)
    assert compare_times(None, case(TIGHT), TOLERANCE) == Compared("p50", None, (20.0, 19.9, 20.1))
