"""Latency after a pause: what a network costs that is called now and then.

While nobody calls, threads stop spinning, caches are taken by others and clocks go down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.bench.sampling import BEAT_NS, LATEST
from resnet_export.bench.scenarios import Outcome, Taken

if TYPE_CHECKING:
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """A series for each pause: half of the time is the same for all, the other half goes to the long ones."""
    gaps = scenario.gaps_ms
    parts = [1 / len(gaps) if not sum(gaps) else (1 / len(gaps) + gap / sum(gaps)) / 2 for gap in gaps]
    return Outcome(tuple(_after(rig, gap, part * rig.budget.seconds) for gap, part in zip(gaps, parts, strict=True)))


def _after(rig: Rig, gap_ms: float, seconds: float) -> Taken:
    clock, call = rig.clock, rig.make_call(rig.batch)
    samples: list[int] = []
    begin = end = clock.now_ns()
    over, next_beat = begin + int(seconds * 1e9), begin + BEAT_NS
    while len(samples) < rig.budget.most_samples and (len(samples) < rig.budget.least_samples or end < over):
        clock.rest(int(gap_ms * 1e6))
        start = clock.now_ns()
        call(len(samples))
        end = clock.now_ns()
        samples.append(end - start)
        if end >= next_beat:
            rig.beat(len(samples), samples[-LATEST:])
            next_beat = end + BEAT_NS
    return Taken(tuple(samples), end - begin, rig.batch, {"gap_ms": gap_ms})
