"""The truth, where it is known: quantiles of given distributions, and queues that have a formula."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import signal, stats

from resnet_export.bench.sampling import Budget, arrivals, closed_loop, open_loop
from resnet_export.bench.statistics import summarise
from tests.bench.clocks import SimulatedClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS = 500
SPREAD = 0.25
"""Of the logarithm: p99 is 1.8 times the median."""
MEDIAN_NS = 1e7
SERVICE_NS = 1_000_000
REQUESTS = 100_000


def lognormal(samples: int, rho: float, seed: int) -> NDArray[np.int64]:
    """Latencies whose logarithm is AR(1) with the lag-1 correlation rho, and normal."""
    noise = np.random.default_rng(seed).standard_normal(samples)
    noise[1:] *= math.sqrt(1 - rho * rho)
    series = signal.lfilter([1.0], [1.0, -rho], noise)
    return np.rint(MEDIAN_NS * np.exp(SPREAD * series)).astype(np.int64)


def measured(latencies: NDArray[np.int64]) -> tuple[int, ...]:
    """What the closed loop sees of calls that take so long."""
    clock = SimulatedClock()
    durations = latencies.tolist()
    return closed_loop(lambda index: clock.advance(durations[index]), clock, Budget(0.0, len(durations)))


@pytest.mark.long
@pytest.mark.parametrize(("samples", "rho"), [(662, 0.0), (2000, 0.5), (5000, 0.8)])
def test_the_intervals_of_p50_and_p99_cover_the_true_quantiles(samples: int, rho: float) -> None:
    truths = {p: MEDIAN_NS * math.exp(SPREAD * float(stats.norm.ppf(p))) for p in (0.5, 0.99)}
    outcomes: dict[float, list[bool]] = {p: [] for p in truths}
    for seed in range(RUNS):
        summary = summarise(measured(lognormal(samples, rho, seed)))
        for p, truth in truths.items():
            found = {0.5: summary.p50, 0.99: summary.p99}[p]
            if found.low is not None and found.high is not None:
                outcomes[p].append(found.low <= truth <= found.high)
    for p, covered in outcomes.items():
        assert len(covered) >= 0.98 * RUNS, "the samples suffice but where chance makes them look dependent"
        assert 0.93 <= np.mean(covered) <= 0.99, p


@pytest.mark.long
def test_the_effective_size_of_an_autocorrelated_series() -> None:
    """One independent sample takes (1 + rho) / (1 - rho) samples of an AR(1) series."""
    times = [5000 / summarise(lognormal(5000, 0.5, seed)).effective_samples for seed in range(200)]
    assert np.mean(times) == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_the_open_loop_is_a_queue(load: float) -> None:
    """Every latency is Lindley's: L_i = max(0, L_{i-1} - gap_i) + service, in closed form below."""
    clock = SimulatedClock(12345)
    rate = load * 1e9 / SERVICE_NS
    loop = open_loop(
        lambda index: clock.advance(SERVICE_NS),
        clock,
        rate=rate,
        requests=5000,
        generator=np.random.default_rng(7),
    )
    times = arrivals(rate, 5000, np.random.default_rng(7))
    assert loop.scheduled_ns == tuple((times + 12345).tolist())
    assert loop.latencies_ns == tuple(_lindley(times).tolist())


@pytest.mark.long
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_mean_latency_agrees_with_pollaczek_and_khinchine(load: float) -> None:
    """M/D/1: the mean is service * (1 + load / (2 (1 - load)))."""
    truth = SERVICE_NS * (1 + load / (2 * (1 - load)))
    covered = 0
    for seed in range(100):
        times = arrivals(load * 1e9 / SERVICE_NS, REQUESTS, np.random.default_rng(seed))
        mean = summarise(_lindley(times).astype(np.float64), queue=True).mean
        assert mean.low is not None
        assert mean.high is not None
        covered += mean.low <= truth <= mean.high
    assert covered >= 93


def _lindley(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Latencies of the queue: the last end is n services after the latest moment at which it was idle."""
    work = np.arange(1, len(times) + 1) * SERVICE_NS
    return np.asarray(work + np.maximum.accumulate(times - (work - SERVICE_NS)) - times)
