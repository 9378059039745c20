from __future__ import annotations

import numpy as np
import pytest

from resnet_export.bench.floor import AGREEMENT, find_floor
from resnet_export.bench.statistics import summarise
from tests.bench.examples import series, unsteady


def test_a_pace_that_changes_hides_the_median_and_not_the_floor() -> None:
    """Of 100 minutes; in one of six the undisturbed pace doesn't come twice."""
    runs = [unsteady(20.0, seed) for seed in range(100)]
    assert sum(summarise(samples).quantile(0.5).value is None for samples in runs) > 90
    floors = [floor for floor in map(find_floor, runs) if floor is not None]
    assert len(floors) >= 75
    assert all(floor.value <= floor.again <= floor.value * (1 + AGREEMENT) for floor in floors)
    wrong = [floor.value for floor in floors if not 19.9 < floor.value < 20.7]
    assert len(wrong) <= 2, "a minute whose best was twice the same level above it"


def test_on_a_quiet_machine_it_is_about_the_median() -> None:
    samples = 20 * np.random.default_rng(0).lognormal(0, 0.01, 3000)
    found = find_floor(samples)
    assert found is not None
    assert found.value == pytest.approx(float(np.median(samples)), rel=0.01)


def test_it_scales_with_the_work() -> None:
    fast, slow = (find_floor(unsteady(time, 3)) for time in (20.0, 22.0))
    assert fast is not None
    assert slow is not None
    assert slow.value / fast.value == pytest.approx(1.1, rel=0.01)


def test_twenty_seconds_are_the_least() -> None:
    samples = np.full(10_000, 10.0)
    assert find_floor(samples[:1950]) is None
    assert find_floor(samples[:2100]) is not None


@pytest.mark.parametrize("rise", [1.3, 3.0])
def test_a_pace_that_never_comes_again_is_no_floor(rise: float) -> None:
    """Slower and slower; a boost of the clock in the first seconds."""
    assert find_floor(20 * np.linspace(1, rise, 2900)) is None
    boosted = np.full(2900, 20.0 * rise)
    boosted[:300] = 20.0
    assert find_floor(boosted) is None


def test_slow_calls_have_longer_windows() -> None:
    assert find_floor(np.full(600, 1000.0)) is None, "37 windows of 16 calls"
    found = find_floor(np.full(700, 1000.0))
    assert found is not None
    assert found.value == found.again == 1000.0


def test_a_call_that_outlasts_many_windows_is_no_pace() -> None:
    samples = np.full(3000, 20.0)
    samples[1500] = 20_000.0
    found = find_floor(samples)
    assert found is not None
    assert found.value == found.again == 20.0
    assert find_floor(np.array([1.0, 1e6])) is None


@pytest.mark.parametrize(
    "changes", [{"loop": "open"}, {"callers": 2}, {"condition": {"gap_ms": 10.0}}], ids=["queue", "callers", "pauses"]
)
def test_calls_that_wait_have_none(changes: dict[str, object]) -> None:
    quiet = tuple([20.0] * 3000)
    assert series(samples_ms=quiet).floor is not None
    assert series(samples_ms=quiet, **changes).floor is None
