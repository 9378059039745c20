"""Requests that come when they come: a Poisson process, one call at a time, latency from the scheduled time on.

Without a bound, a few loads are measured; the load is the rate over the capacity, one over the mean time of a call.
With one, the highest rate is sought that keeps it. Where to begin, a simulation of the queue tells, which is fed with
times of calls in the order in which they were measured (D. V. Lindley, Proc. Cambridge Phil. Soc. 48, 1952):

    wait_{i+1} = max(0, wait_i + service_i - gap_i)        latency_i = wait_i + service_i

What counts is measured: from there on the rate is raised while the bound holds and lowered while it doesn't, and the
bracket is halved until its ends are near each other or the time is over. Where the requests of a rate are too few to
tell, as many again and more are sent at the same rate. At last the highest rate that kept the bound has to keep it once
more, with fresh requests: that it was chosen as the best of several makes its own too good by chance.
"""

import math
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.sampling import Budget, Call, arrivals, closed_loop, open_loop
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken
from resnet_export.bench.slo import check_slo

LOADS = (0.5, 0.8, 0.9)
"""The loads that are measured where there is no bound."""
HEADLINE_LOAD = 0.5
"""The load that stands for the case: queues at higher loads take thousands of requests to be known."""
SEED = 20151210
"""Seed of the arrivals."""
CALIBRATION_SHARE = 0.1
"""Share of the case's time that goes into measuring the capacity."""
CALIBRATION_RUNS = 8
"""Runs at least that the capacity rests on."""
FIRST_REQUESTS = 300
"""Requests of a rate, at first: 299 that keep the bound are the fewest that show it."""
PROBES = 24
"""Series of a search at most."""
MORE = 3
"""Factor of the number of requests, where those of a rate were too few to tell."""
NEAR = 1.05
"""Ratio of the lowest rate that broke the bound to the highest that kept it at which the search ends."""
STEP = 1.15
"""Factor by which the rate is raised or lowered until there is one that keeps the bound and one that breaks it."""
SIMULATED = 20_000
"""Requests in a simulation: p99 of a queue at 80 % load is within some 5 %."""
SOUGHT = 0.998
"""Share that keeps the bound in the simulation. Where it is just 99 %, a few hundred requests can't show that it is."""


class Server(Pattern, frozen=True, tag="server"):
    """Requests at random times."""

    slo_p99_ms: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    """The latency that 99 % of the requests have to keep; the highest rate that does is sought. None for a few loads.
    """

    @property
    def label(self) -> str:
        """`server, p99 within 50 ms`."""
        return "server" if self.slo_p99_ms is None else f"server, p99 within {self.slo_p99_ms:g} ms"

    @property
    def slo_ms(self) -> float | None:
        """The bound."""
        return self.slo_p99_ms

    def sample(self, rig: Rig) -> Outcome:
        """A series for each rate."""
        call = rig.make_call(rig.batch)
        calibration = Budget(CALIBRATION_SHARE * rig.budget.seconds, CALIBRATION_RUNS)
        services = closed_loop(call, rig.clock, calibration, beat=rig.beat)
        if self.slo_p99_ms is not None:
            return Search(rig, call, np.asarray(services, dtype=np.float64), self.slo_p99_ms).run()
        capacity = 1e9 / float(np.mean(services))
        seconds = rig.budget.seconds * (1 - CALIBRATION_SHARE) / len(LOADS)
        series = []
        for at, load in enumerate(LOADS):
            requests = max(rig.budget.least_samples, math.ceil(load * capacity * seconds))
            series.append(_serve(rig, call, load * capacity, capacity, requests, at))
        return Outcome(tuple(series), LOADS.index(HEADLINE_LOAD))


class Search:
    """Searches for the highest rate whose p99 keeps a bound."""

    def __init__(self, rig: Rig, call: Call, services_ns: NDArray[np.float64], bound_ms: float) -> None:
        self._rig, self._call, self._services, self._bound = rig, call, services_ns, bound_ms
        self._capacity = 1e9 / float(services_ns.mean())
        self._over = rig.clock.now_ns() + (1 - CALIBRATION_SHARE) * rig.budget.seconds * 1e9
        self._series: list[Taken] = []

    def run(self) -> Outcome:
        """All series; what stands for the case confirms the highest rate, or is the lowest that was tried."""
        if np.median(self._services) > self._bound * 1e6:  # no rate can keep what an idle network breaks
            self._serve(self._capacity * LOADS[0], CALIBRATION_RUNS)
            return Outcome(tuple(self._series))
        good: list[float] = []
        bad = math.inf
        rate = self._capacity * predicted_load(self._services, self._bound)
        while not self._is_over() and bad > NEAR * max(good, default=0.0):
            if self._keeps(rate):
                good.append(rate)
            else:
                bad = min(bad, rate)
            rate = _next_rate(max(good, default=0.0), bad)
        for rate in sorted(good, reverse=True):
            if self._keeps(rate) or self._is_over():
                return Outcome(tuple(self._series), len(self._series) - 1)
        lowest = min(range(len(self._series)), key=lambda at: self._series[at].condition["rate_per_s"])
        return Outcome(tuple(self._series), lowest)

    def _keeps(self, rate: float) -> bool:
        """Whether it is shown that 99 % of the requests of a rate keep the bound."""
        requests = max(self._rig.budget.least_samples, min(FIRST_REQUESTS, int(rate * self._left)))
        while True:
            samples = self._serve(rate, requests)
            found = check_slo([sample / 1e6 for sample in samples], self._bound)
            more = min(MORE * requests, self._rig.budget.most_samples, int(rate * self._left))
            # No fewer than before: they could tell even less.
            if found.holds or found.breaks or self._is_over() or more <= requests:
                return found.holds
            requests = more

    def _serve(self, rate: float, requests: int) -> tuple[int, ...]:
        self._series.append(_serve(self._rig, self._call, rate, self._capacity, requests, len(self._series)))
        return self._series[-1].samples_ns

    @property
    def _left(self) -> float:
        """Seconds."""
        return max(0.0, (self._over - self._rig.clock.now_ns()) / 1e9)

    def _is_over(self) -> bool:
        return len(self._series) >= PROBES or (not self._left and bool(self._series))


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


def _serve(rig: Rig, call: Call, rate: float, capacity: float, requests: int, at: int) -> Taken:
    """So many requests of one rate; `at` tells its arrivals from those of other series."""
    loop = open_loop(
        call,
        rig.clock,
        rate=rate,
        requests=min(requests, rig.budget.most_samples),
        generator=np.random.default_rng((SEED, at)),
        beat=rig.beat,
    )
    condition = {"rate_per_s": rate, "load": rate / capacity}
    duration = loop.ended_ns[-1] - loop.scheduled_ns[0]
    return Taken(loop.latencies_ns, duration, rig.batch, condition, loop="open")
