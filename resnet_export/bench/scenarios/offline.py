"""Throughput at the best batch.

Each batch is probed for a short while, within half of the time, and the one with the most images a second is then
sampled by itself: a figure that was chosen because it is the best of several is too good by chance.
"""

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import Annotated, Self

import msgspec

from resnet_export.bench.sampling import Budget, closed_loop, warm_up
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken
from resnet_export.errors import NotApplicableError

PROBE_SHARE = 0.04
"""Share of the case's time for which a batch is probed."""
PROBES_SHARE = 0.4
"""Share of the case's time after which no other batch is probed."""
PROBE_RUNS = 4
"""Runs of a probe at least: the median of 4 runs that vary by 3 % is within about 3 %."""
LONGEST_RUN = 0.04
"""Share of the case's time: batches whose run takes longer leave no time to sample them."""
GAIN = 1.02
"""Factor by which a larger batch has to be better. The doubling ends at the second time that it is not."""
LARGEST = 1024
"""Batch at which the doubling ends in any case."""


class Offline(Pattern, frozen=True, tag="offline"):
    """The batch with the best throughput."""

    batches: tuple[Annotated[int, msgspec.Meta(ge=1)], ...] = ()
    """Those to choose from; none for powers of two while they pay."""
    has_own_batches = True

    def with_batches(self, batches: Sequence[int]) -> Self:
        """The same among these batches."""
        return msgspec.structs.replace(self, batches=tuple(sorted(set(batches))))

    def sample(self, rig: Rig) -> Outcome:
        """The probes, and the series at the best batch."""
        over = rig.clock.now_ns() + int(rig.budget.seconds * 1e9)
        probes = self._probes(rig, over)
        best = max(probes, key=_images_per_ns).batch
        call = rig.make_call(best)
        # Warmed up again: larger batches had the memory since.
        warm_up(call, rig.clock, _left(rig, over), beat=rig.beat)
        begin = rig.clock.now_ns()
        samples = closed_loop(call, rig.clock, _left(rig, over), beat=rig.beat)
        series = Taken(samples, rig.clock.now_ns() - begin, best, {"batch": best})
        return Outcome((*probes, series), len(probes))

    def _probes(self, rig: Rig, over: int) -> list[Taken]:
        """Each batch for a short while, up to the time `over` in nanoseconds."""
        probes: list[Taken] = []
        disappointments = 0
        for batch in self._candidates(rig):
            try:
                probes.append(_probe(rig, batch))
            except NotApplicableError:  # more memory would not help
                raise
            except Exception:  # a runtime may raise anything when memory does not suffice; what it could run stands
                if not probes or self.batches:
                    raise
                break
            if self.batches:
                continue
            latest, before = _images_per_ns(probes[-1]), max(map(_images_per_ns, probes[:-1]), default=0.0)
            disappointments += latest < GAIN * before
            # The next would take twice as long as this one did.
            spent = 1 - (over - rig.clock.now_ns()) / 1e9 / rig.budget.seconds if rig.budget.seconds else 1.0
            long = max(probes[-1].samples_ns) > LONGEST_RUN * rig.budget.seconds * 1e9
            if disappointments == 2 or long or spent > PROBES_SHARE:
                break
        return probes

    def _candidates(self, rig: Rig) -> Iterable[int]:
        """The batches to probe, smallest first."""
        if self.batches:
            return self.batches
        doubled = (rig.batch << times for times in itertools.count())
        return itertools.takewhile(lambda batch: batch <= LARGEST, doubled)


def _left(rig: Rig, over: int) -> Budget:
    return dataclasses.replace(rig.budget, seconds=max(0.0, (over - rig.clock.now_ns()) / 1e9))


def _probe(rig: Rig, batch: int) -> Taken:
    call = rig.make_call(batch)
    budget = Budget(rig.budget.seconds * PROBE_SHARE, PROBE_RUNS)
    warm_up(call, rig.clock, budget, beat=rig.beat)
    begin = rig.clock.now_ns()
    samples = closed_loop(call, rig.clock, budget, beat=rig.beat)
    return Taken(samples, rig.clock.now_ns() - begin, batch, {"batch": batch}, probe=True)


def _images_per_ns(series: Taken) -> float:
    return series.batch / statistics.median(series.samples_ns)
