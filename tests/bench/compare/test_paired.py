from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.bench.compare.paired import (
    LEAST_LAUNCHES,
    estimate,
    launch_log_ratio,
    launches_needed,
    signed_rank,
    verdict_of,
)
from resnet_export.bench.estimate import Estimate

BAND = 0.015
COMPARISONS = 600
LAUNCHES, PAIRS, RUNS = 14, 6, 5
"""As the default budget gives them for a network of 20 ms."""
SPREADS = {
    "normal": lambda generator, size: generator.normal(0.0, 1.0, size),
    "heavy": lambda generator, size: generator.standard_t(2, size),
    "some far off": lambda generator, size: generator.normal(0.0, 1.0, size) * generator.choice([1, 1, 1, 8], size),
    "two kinds": lambda generator, size: generator.choice([-1.0, 1.0], size),
}
"""How the processes of a file differ from each other."""


def simulate(generator: np.random.Generator, spread: str, ratio: float) -> list[float]:
    """The log ratios of the launches of a comparison."""
    effects = 0.01 * SPREADS[spread](generator, (LAUNCHES, 1, 2, 1))
    # A neighbour on the machine makes one block in ten half as slow again, and the clock drifts meanwhile.
    disturbed = 0.4 * (generator.random((LAUNCHES, PAIRS, 2, 1)) < 0.1)
    drift = 0.03 * np.linspace(0, 1, 2 * PAIRS).reshape(1, PAIRS, 2, 1)
    noise = generator.lognormal(-4.0, 1.0, (LAUNCHES, PAIRS, 2, RUNS))
    drawn = 20.0 * np.exp(effects + disturbed + drift + noise)
    backwards = np.arange(PAIRS) % 2 == 1
    drawn[:, backwards] = drawn[:, backwards][:, :, ::-1]
    drawn[:, :, 1] *= ratio
    return [launch_log_ratio([(a, b) for a, b in launch.tolist()]) for launch in drawn]


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("ratio", [1.0, 0.8])
def test_the_interval_covers_the_truth(spread: str, ratio: float) -> None:
    generator = np.random.default_rng(20151210)
    found = [estimate(simulate(generator, spread, ratio)) for _ in range(COMPARISONS)]
    covered = sum(one.low <= ratio <= one.high for one in found) / COMPARISONS
    assert 0.93 <= covered <= 0.99


@given(st.lists(st.floats(-1, 1), min_size=LEAST_LAUNCHES, max_size=20))
def test_changing_sides_inverts_the_ratio(values: list[float]) -> None:
    ratio, inverse = estimate(values), estimate([-value for value in values])
    assert ratio.low <= ratio.value <= ratio.high
    np.testing.assert_allclose(
        (inverse.value, inverse.low, inverse.high), (1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
    )


@pytest.mark.parametrize("size", range(1, 13))
def test_the_rank_is_the_largest_that_holds_the_level(size: int) -> None:
    sums = [sum(chosen) for count in range(size + 1) for chosen in itertools.combinations(range(1, size + 1), count)]
    rank = signed_rank(size)

    def below(bound: int) -> float:
        return sum(one < bound for one in sums) / len(sums)

    assert below(rank) <= 0.025 < below(rank + 1)
    assert (rank >= 1) == (size >= LEAST_LAUNCHES)


def test_ranks_of_the_books() -> None:
    # Hollander, Wolfe and Chicken, table A.4: t(0.024; 10) = 47 and t(0.024; 20) = 158 of 55 and 210.
    assert (signed_rank(10), signed_rank(20)) == (55 - 47 + 1, 210 - 158 + 1)


def test_one_launch_that_is_far_off_changes_little() -> None:
    values = np.random.default_rng(1).normal(0.0, 0.005, 12)
    far = [*values[:-1], 0.5]
    assert estimate(far).high / estimate(values).high < 1.004


def test_none_at_all() -> None:
    with pytest.raises(ValueError, match="there are no launches"):
        estimate([])


@pytest.mark.parametrize("launches", [1, 2])
def test_one_launch_or_two_have_a_ratio_without_an_interval(launches: int) -> None:
    found = estimate([math.log(1.1)] * launches)
    assert (found.value, found.low, found.high) == (pytest.approx(1.1), None, None)
    assert verdict_of(found, BAND) == "inconclusive"
    assert launches_needed(found, launches, BAND) == 6


@pytest.mark.parametrize("launches", [3, 4, 5])
def test_a_few_launches_have_student_s_interval(launches: int) -> None:
    """Which holds its level for normal ratios."""
    generator, covered = np.random.default_rng(launches), 0
    for _ in range(1000):
        found = estimate(generator.normal(0.1, 0.02, launches))
        assert found.low is not None
        assert found.high is not None
        covered += math.log(found.low) <= 0.1 <= math.log(found.high)
    assert 0.93 <= covered / 1000 <= 0.97


def test_a_launch_is_the_median_of_its_pairs() -> None:
    pairs = [([1.0, 2.0, 9.0], [4.0]), ([2.0], [2.0]), ([1.0], [100.0])]
    assert launch_log_ratio(pairs) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.99, 1.01, "equivalent"),
        (1.001, 1.014, "equivalent"),
        (0.985, 1.015, "equivalent"),
        (1.001, 1.016, "slower"),
        (1.02, 1.03, "slower"),
        (0.97, 0.999, "faster"),
        (0.98, 1.01, "inconclusive"),
        (1.0, 1.03, "inconclusive"),
    ],
)
def test_verdicts(low: float, high: float, verdict: str) -> None:
    assert verdict_of(Estimate(math.sqrt(low * high), low, high), BAND) == verdict


class TestLaunchesNeeded:
    def test_a_difference_as_wide_as_the_interval(self) -> None:
        # Half the width is 1.95 times what would decide: 3.8 times the launches.
        assert launches_needed(Estimate(math.exp(0.02), math.exp(-0.019), math.exp(0.059)), 10, 0.0) == 39

    def test_what_is_the_same_needs_an_interval_as_narrow_as_the_band(self) -> None:
        found = launches_needed(Estimate(1.0, math.exp(-0.03), math.exp(0.03)), 10, BAND)
        assert found == math.ceil(10 * (0.03 / math.log1p(BAND)) ** 2)

    def test_no_number_tells_that_two_are_exactly_the_same(self) -> None:
        assert launches_needed(Estimate(1.0, 0.9, 1.1), 10, 0.0) is None
