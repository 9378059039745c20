"""Several callers on one session, each with one call behind the other.

By Little's law the throughput of N callers that never pause is N times the batch over the mean latency.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from resnet_export.bench.scenarios import Outcome, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench.clock import Clock
    from resnet_export.bench.sampling import Call
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig

GLANCE_S = 0.05
"""Between two looks at whether it is enough."""


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """One series: the calls of all callers in the order in which they ended."""
    callers = scenario.callers or 1
    calls = [rig.make_call(rig.batch) for _ in range(callers)]
    ended: list[list[tuple[int, int]]] = [[] for _ in calls]
    done = threading.Event()
    begin = rig.clock.now_ns()
    with ThreadPoolExecutor(callers) as pool:
        try:
            futures = [pool.submit(_call_until, done, *each, rig.clock) for each in zip(calls, ended, strict=True)]
            _wait(rig, begin, ended, lambda: any(future.done() for future in futures))
        finally:
            done.set()
    for future in futures:
        future.result()
    merged = sorted(one for own in ended for one in own)
    samples = tuple(latency for _, latency in merged)
    taken = Taken(samples, merged[-1][0] - begin, rig.batch, {"callers": callers}, callers=callers)
    return Outcome((taken,))


def _call_until(done: threading.Event, call: Call, ended: list[tuple[int, int]], clock: Clock) -> None:
    """One caller: notes (end, latency) of each call."""
    index = 0
    while not done.is_set():
        begin = clock.now_ns()
        call(index)
        end = clock.now_ns()
        ended.append((end, end - begin))
        index += 1


def _wait(rig: Rig, begin: int, ended: list[list[tuple[int, int]]], broken: Callable[[], bool]) -> None:
    """Returns when the time is over and there are enough samples, or a caller is."""
    over, next_beat = begin + int(rig.budget.seconds * 1e9), 1.0
    while True:
        time.sleep(GLANCE_S)
        now, count = rig.clock.now_ns(), sum(map(len, ended))
        if broken() or count >= rig.budget.most_samples or (count >= rig.budget.least_samples and now >= over):
            return
        if now - begin >= next_beat * 1e9:
            rig.beat([latency for own in ended for _, latency in own])
            next_beat += 1
