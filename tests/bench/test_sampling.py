from __future__ import annotations

import time

import numpy as np
import pytest

from resnet_export.bench.sampling import (
    DEFAULT,
    LATEST,
    LEAST_SAMPLES,
    QUICK,
    Budget,
    Clock,
    closed_loop,
    open_loop,
    warm_up,
)
from tests.bench.clocks import SimulatedClock

MS = 1_000_000


class Network:
    """Takes as long as it is told, and notes what it was called with."""

    def __init__(self, *durations_ms: float, steady_ms: float = 10.0) -> None:
        self.clock = SimulatedClock()
        self.durations, self.steady = durations_ms, steady_ms
        self.calls: list[int] = []

    def __call__(self, index: int) -> None:
        count = len(self.calls)
        self.clock.advance(round((self.durations[count] if count < len(self.durations) else self.steady) * MS))
        self.calls.append(index)


def test_the_budgets() -> None:
    assert (QUICK.seconds, DEFAULT.seconds) == (10, 60)
    assert QUICK.least_samples == LEAST_SAMPLES == 5


@pytest.mark.parametrize(
    ("budget", "samples"),
    [
        (Budget(1.0, 64), 100),
        (Budget(0.1, 64), 64),
        (Budget(1.0, 64, most_samples=80), 80),
    ],
    ids=["until the time is over", "but the least number", "and at most the most"],
)
def test_closed_loop(budget: Budget, samples: int) -> None:
    network = Network()
    assert closed_loop(network, network.clock, budget) == (10 * MS,) * samples
    assert network.calls == list(range(samples))


def test_a_sign_of_life_after_a_second_and_then_every_five() -> None:
    network, beats = Network(steady_ms=100), []
    closed_loop(
        network,
        network.clock,
        Budget(30.0, 1),
        beat=lambda count, latest: beats.append((count, len(latest), network.clock.now_ns())),
    )
    assert beats == [(10 * after, min(10 * after, LATEST), after * 1000 * MS) for after in range(1, 30, 5)]


class TestWarmUp:
    def test_ends_when_two_windows_agree(self) -> None:
        network = Network(*[30] * 8, *[20] * 10)
        found = warm_up(network, network.clock, Budget(10.0, 64))
        assert found.settled
        # A window lasts 200 ms, and 8 runs at least.
        assert [duration // MS for duration in found.samples_ns] == [30] * 8 + [20] * 10 + [10] * 40

    def test_is_capped(self) -> None:
        network = Network(*range(10, 1000, 10))
        found = warm_up(network, network.clock, Budget(10.0, 64))
        assert not found.settled
        assert 2000 <= network.clock.now_ns() / MS <= 2200, "a fifth of the time, and the call under way"

    def test_of_a_slow_network_takes_no_longer(self) -> None:
        network = Network(steady_ms=1000)
        found = warm_up(network, network.clock, Budget(15.0))
        assert (found.settled, len(found.samples_ns)) == (False, 3), "no whole window"

    def test_is_one_call_at_least(self) -> None:
        network = Network(steady_ms=1000)
        found = warm_up(network, network.clock, Budget(1.0))
        assert (found.settled, len(found.samples_ns)) == (False, 1)


class TestOpenLoop:
    def test_latency_counts_from_the_scheduled_time(self) -> None:
        """A stall of one call is seen by all that wait behind it."""
        network = Network(1000, steady_ms=0)
        loop = open_loop(network, network.clock, rate=100, requests=50, generator=np.random.default_rng(0))
        due = np.array(loop.scheduled_ns)
        waiting = due < due[0] + 1000 * MS
        expected = np.where(waiting, due[0] + 1000 * MS - due, 0)
        assert loop.latencies_ns == tuple(expected.tolist())
        assert waiting.sum() > 20
        assert network.calls == list(range(50))

    def test_the_same_seed_gives_the_same_times(self) -> None:
        def times(seed: int) -> tuple[int, ...]:
            network = Network(steady_ms=1)
            generator = np.random.default_rng(seed)
            return open_loop(network, network.clock, rate=50, requests=20, generator=generator).scheduled_ns

        assert times(1) == times(1) != times(2)

    def test_a_sign_of_life(self) -> None:
        network, beats = Network(steady_ms=1), []
        generator = np.random.default_rng(0)
        open_loop(
            network,
            network.clock,
            rate=10,
            requests=300,
            generator=generator,
            beat=lambda count, latest: beats.append((count, len(latest))),
        )
        assert 4 <= len(beats) <= 7
        assert all(known == min(count, LATEST) for count, known in beats)


class TestClock:
    def test_the_real_one_wakes_no_earlier(self) -> None:
        clock = Clock()
        moment = clock.now_ns() + 3 * MS
        clock.sleep_until(moment)
        assert clock.now_ns() >= moment
        clock.sleep_until(moment - MS)
        assert abs(clock.now_ns() - time.perf_counter_ns()) < 1000 * MS

    def test_the_simulated_one_never_goes_back(self) -> None:
        clock = SimulatedClock(5)
        clock.sleep_until(3)
        assert clock.now_ns() == 5
        clock.sleep_until(9)
        clock.advance(1)
        assert clock.now_ns() == 10
