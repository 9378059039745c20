"""Latency after a pause: what a network costs that is called now and then.

While nobody calls, threads stop spinning, caches are taken by others and clocks go down.
"""

from typing import Annotated

import msgspec

from resnet_export.bench.sampling import BEAT_NS, LATEST
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
