"""Several callers on one session, each of which calls sequentially.

By Little's law the throughput of N callers that never pause is N times the batch over the mean latency.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import msgspec

from resnet_export.bench.sampling import BEAT_NS, LATEST, WARM_UP_SHARE, Budget, Call, Clock
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken

CALLERS = 4
"""The default: more than the two cores of a small machine, so that callers have to wait."""
GLANCE_S = 0.05
"""Between two looks at whether the time is over."""


class Concurrent(Pattern, frozen=True, tag="concurrent"):
    """Several threads call the same session."""

    callers: Annotated[int, msgspec.Meta(ge=1)] = CALLERS

    @property
    def label(self) -> str:
        """`4 concurrent callers`."""
        return f"{self.callers} concurrent callers"

    def sample(self, rig: Rig) -> Outcome:
        """One series: the calls of all callers in the order in which they ended, after a warm-up with all of them."""
        calls = [rig.make_call(rig.batch) for _ in range(self.callers)]
        warm = WARM_UP_SHARE * rig.budget.seconds
        _drive(rig, calls, dataclasses.replace(rig.budget, seconds=warm, least_samples=0))
        begin, merged = _drive(rig, calls, dataclasses.replace(rig.budget, seconds=rig.budget.seconds - warm))
        samples, condition = tuple(latency for _, latency in merged), {"callers": self.callers}
        return Outcome((Taken(samples, merged[-1][0] - begin, rig.batch, condition, callers=self.callers),))


def _drive(rig: Rig, calls: Sequence[Call], budget: Budget) -> tuple[int, list[tuple[int, int]]]:
    """Lets a caller make each of the calls at the same time.

    Returns:
        When it began, and (end, latency) of all calls in the order in which they ended.
    """
    ended: list[list[tuple[int, int]]] = [[] for _ in calls]
    done = threading.Event()
    begin = rig.clock.now_ns()
    with ThreadPoolExecutor(len(calls)) as pool:
        try:
            futures = [pool.submit(_call_until, done, *each, rig.clock) for each in zip(calls, ended, strict=True)]
            _wait(rig, budget, begin, ended, lambda: any(future.done() for future in futures))
        finally:
            done.set()
    for future in futures:
        future.result()
    return begin, sorted(one for own in ended for one in own)


def _call_until(done: threading.Event, call: Call, ended: list[tuple[int, int]], clock: Clock) -> None:
    """One caller: notes (end, latency) of each call."""
    index = 0
    while not done.is_set():
        begin = clock.now_ns()
        call(index)
        end = clock.now_ns()
        ended.append((end, end - begin))
        index += 1


def _wait(rig: Rig, budget: Budget, begin: int, ended: list[list[tuple[int, int]]], broken: Callable[[], bool]) -> None:
    """Returns when the time is over and there are enough samples, or a caller is."""
    over, next_beat = begin + int(budget.seconds * 1e9), begin + BEAT_NS
    while True:
        time.sleep(GLANCE_S)
        now, count = rig.clock.now_ns(), sum(map(len, ended))
        if broken() or count >= budget.most_samples or (count >= budget.least_samples and now >= over):
            return
        if now >= next_beat and count:
            rig.beat(count, [latency for own in ended for _, latency in own[-LATEST // len(ended) :]])
            next_beat = now + BEAT_NS
