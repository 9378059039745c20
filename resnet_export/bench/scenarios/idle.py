"""Latency after a pause: what a network costs that is called now and then.

While nobody calls, threads stop spinning, caches are taken by others and clocks go down.
"""

import dataclasses
from typing import Annotated

import msgspec

from resnet_export.bench.sampling import closed_loop
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken

GAPS_MS = (0.0, 1.0, 10.0, 100.0, 1000.0)
"""The default: caches, clocks and spinning threads cool down on scales from 1 ms to 1 s."""
Gap = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Idle(Pattern, frozen=True, tag="idle"):
    """A call after a pause, for each of several pauses."""

    gaps_ms: Annotated[tuple[Gap, ...], msgspec.Meta(min_length=1)] = GAPS_MS

    def sample(self, rig: Rig) -> Outcome:
        """A series for each pause: half of the time is shared equally, the other half goes to the long pauses."""
        gaps = self.gaps_ms
        parts = [1 / len(gaps) if not sum(gaps) else (1 / len(gaps) + gap / sum(gaps)) / 2 for gap in gaps]
        series = (_after(rig, gap, part * rig.budget.seconds) for gap, part in zip(gaps, parts, strict=True))
        return Outcome(tuple(series))


def _after(rig: Rig, gap_ms: float, seconds: float) -> Taken:
    call, budget = rig.make_call(rig.batch), dataclasses.replace(rig.budget, seconds=seconds)
    begin = rig.clock.now_ns()
    samples = closed_loop(call, rig.clock, budget, beat=rig.beat, pause_ns=int(gap_ms * 1e6))
    return Taken(samples, rig.clock.now_ns() - begin, rig.batch, {"gap_ms": gap_ms})
