"""Latency after a pause: what a network costs that is called now and then.

While nobody calls, threads stop spinning, caches are taken by others and clocks go down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.bench.sampling import BEAT_NS, LATEST
from resnet_export.bench.scenarios import Outcome, Taken
from resnet_export.bench.statistics import LEAST_EFFECTIVE

if TYPE_CHECKING:
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """A series for each pause."""
    return Outcome(tuple(_after(rig, gap, rig.budget.seconds / len(scenario.gaps_ms)) for gap in scenario.gaps_ms))


def _after(rig: Rig, gap_ms: float, seconds: float) -> Taken:
    clock, call = rig.clock, rig.make_call(rig.batch)
    # A pause of a second lets no more than the least be taken that supports an interval.
    least = min(rig.budget.least_samples, LEAST_EFFECTIVE)
    samples: list[int] = []
    begin = end = clock.now_ns()
    over, next_beat = begin + int(seconds * 1e9), begin + BEAT_NS
    while len(samples) < rig.budget.most_samples and (len(samples) < least or end < over):
        clock.rest(int(gap_ms * 1e6))
        start = clock.now_ns()
        call(len(samples))
        end = clock.now_ns()
        samples.append(end - start)
        if end >= next_beat:
            rig.beat(len(samples), samples[-LATEST:])
            next_beat = end + BEAT_NS
    return Taken(tuple(samples), end - begin, rig.batch, {"gap_ms": gap_ms})
