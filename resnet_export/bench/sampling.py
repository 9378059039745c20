"""Taking the samples: warm-up, closed loop and open loop, on any clock.

What is called is `call(index)`; the index counts the calls from 0, so that inputs can rotate. Times are in nanoseconds.
In the closed loop a call begins when the one before is over:

    latency_i = end_i - begin_i

In the open loop calls are scheduled by a Poisson process, whatever the network does meanwhile, one call at a time:

    scheduled_i = scheduled_{i-1} + Exponential(rate)      begin_i = max(scheduled_i, end_{i-1})
    latency_i   = end_i - scheduled_i

so that waiting is part of the latency, as it is for whoever sent the request (G. Tene's "coordinated omission").
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Call = Callable[[int], object]
Beat = Callable[[int, Sequence[int]], None]

AGREEMENT = 0.03
"""Relative difference of the medians of two windows that agree. The medians of 8 runs that vary by 3 % differ by about
2 %; the first runs of a network are 1.5 to 10 times slower than the later ones."""
WINDOW_RUNS = 8
"""Runs in a window of the warm-up, at least."""
WINDOW_SHARE = 0.02
"""Share of the case's time that a window lasts, at least: a processor takes tens of milliseconds to reach its clock."""
WARM_UP_SHARE = 0.2
"""Share of the case's time after which the warm-up ends, settled or not."""
BEAT_NS = 5_000_000_000
"""Between two signs of life: whoever reads them takes a few milliseconds of a processor, and one sample in five seconds
is too few to move a p99."""
FIRST_BEAT_NS = 1_000_000_000
"""Before the first one: a person wants to see something."""
LATEST = 201
"""Latencies that a sign of life tells of: to gather them must not take time."""
LEAST_SAMPLES = 5
"""Samples of a case at least: one or two that were disturbed do not move the median of five."""
MOST_SAMPLES = 1_000_000
"""Samples of a case at most: 10 MB of JSON. No network of more than 60 microseconds has as many within a minute."""

SPIN_NS = 500_000
"""Before a wake-up that it waits for actively: Linux wakes a sleeper some 50 to 100 microseconds late, and later under
load. An open loop sends from the same thread that runs the network, which idles meanwhile anyway."""


class Clock:
    """Tells the time, and waits: the real one; tests drive others."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment, never less than before."""
        return time.perf_counter_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Returns at that moment, or at once where it is past: sleeps for the most of it, and spins for the rest."""
        self.rest(moment_ns - time.perf_counter_ns() - SPIN_NS)
        while time.perf_counter_ns() < moment_ns:
            pass

    def rest(self, duration_ns: int) -> None:
        """Lets time pass and leaves the processor to others, waking up when the system happens to do it."""
        if duration_ns > 0:
            time.sleep(duration_ns / 1e9)


@dataclass(frozen=True)
class Budget:
    """How long to measure."""

    seconds: float
    """For everything."""
    least_samples: int = LEAST_SAMPLES
    """Taken however long they take."""
    most_samples: int = MOST_SAMPLES


QUICK = Budget(10.0)
DEFAULT = Budget(60.0)


@dataclass(frozen=True)
class WarmUp:
    """The runs between the first and the steady state."""

    settled: bool
    """Whether the last two windows agreed; otherwise the cap ended it."""
    samples_ns: tuple[int, ...]


@dataclass(frozen=True)
class OpenLoop:
    """The requests of an open loop, (n,) each, int64."""

    scheduled_ns: tuple[int, ...]
    ended_ns: tuple[int, ...]

    @property
    def latencies_ns(self) -> tuple[int, ...]:
        """From the scheduled time to the end."""
        return tuple(end - start for start, end in zip(self.scheduled_ns, self.ended_ns, strict=True))


def _silent(count: int, latest: Sequence[int]) -> None: ...


def warm_up(call: Call, clock: Clock, budget: Budget, *, beat: Beat = _silent) -> WarmUp:
    """Calls until the medians of the last two windows agree; arguments as in `closed_loop`.

    At most `WARM_UP_SHARE` of the budget's time is used, and one call at least.
    """
    start = clock.now_ns()
    cap = start + int(budget.seconds * WARM_UP_SHARE * 1e9)
    window = Budget(budget.seconds * WINDOW_SHARE, WINDOW_RUNS, budget.most_samples)
    samples: list[int] = []
    before: float | None = None
    while True:
        latest = closed_loop(call, clock, window, beat=beat, cap_ns=cap)
        samples += latest
        median = statistics.median(latest)
        if before is not None and len(latest) >= WINDOW_RUNS and abs(median - before) <= AGREEMENT * before:
            return WarmUp(True, tuple(samples))
        if clock.now_ns() >= cap:
            return WarmUp(False, tuple(samples))
        before = median


def closed_loop(
    call: Call,
    clock: Clock,
    budget: Budget,
    *,
    beat: Beat = _silent,
    cap_ns: float = math.inf,
    pause_ns: int = 0,
) -> tuple[int, ...]:
    """The latencies of sequential calls, (n,).

    Args:
        call: what is measured.
        clock: that measures.
        budget: its samples are taken, and then more until its time is over.
        beat: called now and then between two calls, with the number of samples so far and the latest latencies.
        cap_ns: a moment after which no call but the first begins, however few there are.
        pause_ns: before each call.
    """
    now_ns = clock.now_ns
    samples: list[int] = []
    add = samples.append
    end = now_ns()
    over, next_beat = end + int(budget.seconds * 1e9), end + FIRST_BEAT_NS
    index, least, most = 0, budget.least_samples, budget.most_samples
    while index < most and (index < least or end < over) and (end < cap_ns or not index):
        if pause_ns:
            clock.rest(pause_ns)
        begin = now_ns()
        call(index)
        end = now_ns()
        add(end - begin)
        index += 1
        if end >= next_beat:
            beat(len(samples), samples[-LATEST:])
            next_beat = end + BEAT_NS
    return tuple(samples)


def open_loop(
    call: Call,
    clock: Clock,
    *,
    rate: float,
    requests: int,
    generator: np.random.Generator,
    beat: Beat = _silent,
) -> OpenLoop:
    """Calls at the times of a Poisson process, `rate` of them a second; other arguments as in `closed_loop`."""
    scheduled = (clock.now_ns() + arrivals(rate, requests, generator)).tolist()
    ended: list[int] = []
    next_beat = clock.now_ns() + FIRST_BEAT_NS
    for index, moment in enumerate(scheduled):
        clock.sleep_until(moment)
        call(index)
        end = clock.now_ns()
        ended.append(end)
        if end >= next_beat:
            count = len(ended)
            due = scheduled[max(0, count - LATEST) : count]
            beat(count, [done - moment for done, moment in zip(ended[-LATEST:], due, strict=True)])
            next_beat = end + BEAT_NS
    return OpenLoop(tuple(scheduled), tuple(ended))


def arrivals(rate: float, requests: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """The times of a Poisson process in nanoseconds from its start, (requests,)."""
    times = np.cumsum(generator.exponential(1e9 / rate, requests))
    return np.rint(times).astype(np.int64)
