"""Requests that come when they come: a Poisson process, one call at a time, latency from the scheduled time on.

Without a bound, a few loads are measured; the load is the rate over the capacity, one over the mean time of a call.
With one, the highest rate is sought that keeps it. Where to begin, a simulation of the queue tells, which is fed with
times of calls in the order in which they were measured (D. V. Lindley, Proc. Cambridge Phil. Soc. 48, 1952):

    wait_{i+1} = max(0, wait_i + service_i - gap_i)        latency_i = wait_i + service_i

What counts is measured: from there on the rate is raised while the bound holds and lowered while it doesn't, and the
bracket is halved until its ends are near each other or the time is over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from resnet_export.bench.sampling import Budget, arrivals, closed_loop, open_loop
from resnet_export.bench.scenarios import Outcome, Taken
from resnet_export.bench.slo import check_slo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export.bench.sampling import Call
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig

LOADS = (0.5, 0.8, 0.9)
"""That are measured where there is no bound."""
HEADLINE_LOAD = 0.8
"""Of these, the one that stands for the case: what servers are sized for."""
SEED = 20151210
"""Of the arrivals."""
CALIBRATION_SHARE = 0.1
"""Of the case's time that goes into the capacity."""
CALIBRATION_RUNS = 64
"""At least."""
PROBES = 8
"""At most, of the search."""
NEAR = 1.05
"""Ratio of the lowest rate that broke the bound to the highest that kept it at which the search ends."""
STEP = 1.15
"""By which the rate is raised or lowered until there is one that keeps the bound and one that breaks it."""
SIMULATED = 20_000
"""Requests of a simulation: p99 of a queue at 80 % load is within some 5 %."""
SOUGHT = 0.998
"""Share that keeps the bound in the simulation. Where it is just 99 %, a few hundred requests can't show that it is."""


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """A series for each rate."""
    call = rig.make_call(rig.batch)
    calibration = Budget("calibration", CALIBRATION_SHARE * rig.budget.seconds, CALIBRATION_RUNS)
    services = closed_loop(call, rig.clock, calibration, beat=rig.beat)
    capacity = 1e9 / float(np.mean(services))
    if scenario.slo_p99_ms is None:
        series = tuple(_serve(rig, call, load * capacity, capacity, at, len(LOADS)) for at, load in enumerate(LOADS))
        return Outcome(series, LOADS.index(HEADLINE_LOAD))
    return _search(rig, call, capacity, np.asarray(services, dtype=np.float64), scenario.slo_p99_ms)


def _search(rig: Rig, call: Call, capacity: float, services: NDArray[np.float64], bound_ms: float) -> Outcome:
    over = rig.clock.now_ns() + rig.budget.seconds * 1e9
    rate = capacity * predicted_load(services, bound_ms)
    series: list[Taken] = []
    good, bad = 0.0, math.inf
    best = 0
    while len(series) < PROBES and bad > NEAR * good and (not series or rig.clock.now_ns() < over):
        series.append(_serve(rig, call, rate, capacity, len(series), PROBES))
        if check_slo([sample / 1e6 for sample in series[-1].samples_ns], bound_ms).holds:
            if rate > good:
                good, best = rate, len(series) - 1
        else:
            bad = min(bad, rate)
        rate = _next_rate(good, bad)
    return Outcome(tuple(series), best if good else int(np.argmin([one.condition["rate_per_s"] for one in series])))


def _next_rate(good: float, bad: float) -> float:
    if not good:
        return bad / STEP
    return good * STEP if math.isinf(bad) else math.sqrt(good * bad)


def predicted_load(services_ns: NDArray[np.float64], bound_ms: float) -> float:
    """The load at which a simulation keeps the bound well; between 5 and 95 %.

    Args:
        services_ns: (n,) times of calls.
        bound_ms: of p99.
    """
    low, high = 0.05, 0.95
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if _simulated(services_ns, middle) <= bound_ms * 1e6 else (low, middle)
    return low


def _simulated(services_ns: NDArray[np.float64], load: float) -> float:
    """The latency that the share `SOUGHT` of the requests keeps."""
    generator = np.random.default_rng(SEED)
    services = np.resize(services_ns, SIMULATED)
    scheduled = arrivals(load * 1e9 / float(services.mean()), SIMULATED, generator)
    # In closed form: a request ends all work since the latest moment at which the queue was empty.
    work = np.cumsum(services)
    latencies = work + np.maximum.accumulate(scheduled - (work - services)) - scheduled
    return float(np.quantile(latencies, SOUGHT))


def _serve(rig: Rig, call: Call, rate: float, capacity: float, at: int, series: int) -> Taken:
    """The requests of one rate, in its share of the time."""
    wanted = max(rig.budget.least_samples, math.ceil(rate * rig.budget.seconds * (1 - CALIBRATION_SHARE) / series))
    loop = open_loop(
        call,
        rig.clock,
        rate=rate,
        requests=min(wanted, rig.budget.most_samples),
        generator=np.random.default_rng((SEED, at)),
        beat=rig.beat,
    )
    condition = {"rate_per_s": rate, "load": rate / capacity}
    duration = loop.ended_ns[-1] - loop.scheduled_ns[0]
    return Taken(loop.latencies_ns, duration, rig.batch, condition, loop="open")
