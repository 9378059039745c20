"""Throughput at the best batch.

Each batch is probed for a short while, within half of the time, and the one with the most images a second is then
sampled by itself: a figure that was chosen because it is the best of several is too good by chance.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from typing import TYPE_CHECKING

from resnet_export.bench.sampling import Budget, closed_loop, warm_up
from resnet_export.bench.scenarios import Outcome, Taken
from resnet_export.errors import NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig

PROBE_SHARE = 0.04
"""Of the case's time that a batch is probed."""
PROBES_SHARE = 0.4
"""Of the case's time after which no other batch is probed."""
PROBE_RUNS = 4
"""At least: the median of 4 runs that vary by 3 % is within about 3 %."""
LONGEST_RUN = 0.04
"""Of the case's time: batches whose run takes longer leave no time to sample them."""
GAIN = 1.02
"""By which the throughput of a larger batch has to be better, or the doubling ends, at the second time it isn't."""
LARGEST = 1024
"""Where the doubling ends in any case."""


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """The probes, and the series at the best batch."""
    probes: list[Taken] = []
    disappointments = 0
    over = rig.clock.now_ns() + int(rig.budget.seconds * 1e9)
    for batch in _candidates(rig, scenario):
        try:
            probes.append(_probe(rig, batch))
        except NotApplicableError:  # more memory would not help
            raise
        except Exception:  # a runtime may raise anything when memory doesn't suffice; what it could run stands
            if not probes or scenario.batches:
                raise
            break
        if scenario.batches:
            continue
        latest, before = _images_per_ns(probes[-1]), max(map(_images_per_ns, probes[:-1]), default=0.0)
        disappointments += latest < GAIN * before
        # The next would take twice as long as this one did.
        spent = 1 - (over - rig.clock.now_ns()) / 1e9 / rig.budget.seconds if rig.budget.seconds else 1.0
        long = max(probes[-1].samples_ns) > LONGEST_RUN * rig.budget.seconds * 1e9
        if disappointments == 2 or long or spent > PROBES_SHARE:
            break
    best = max(probes, key=_images_per_ns).batch
    call = rig.make_call(best)
    left = dataclasses.replace(rig.budget, seconds=max(0.0, (over - rig.clock.now_ns()) / 1e9))
    warm_up(call, rig.clock, left, beat=rig.beat)  # again: larger batches had the memory meanwhile
    begin = rig.clock.now_ns()
    left = dataclasses.replace(rig.budget, seconds=max(0.0, (over - begin) / 1e9))
    samples = closed_loop(call, rig.clock, left, beat=rig.beat)
    series = Taken(samples, rig.clock.now_ns() - begin, best, {"batch": best})
    return Outcome((*probes, series), len(probes))


def _candidates(rig: Rig, scenario: Scenario) -> Iterable[int]:
    """The batches to probe, smallest first."""
    if scenario.batches:
        return sorted(scenario.batches)
    doubled = itertools.accumulate(itertools.repeat(2), lambda batch, factor: batch * factor, initial=rig.batch)
    return itertools.takewhile(lambda batch: batch <= LARGEST, doubled)


def _probe(rig: Rig, batch: int) -> Taken:
    call = rig.make_call(batch)
    budget = Budget(rig.budget.seconds * PROBE_SHARE, PROBE_RUNS)
    warm_up(call, rig.clock, budget, beat=rig.beat)
    begin = rig.clock.now_ns()
    samples = closed_loop(call, rig.clock, budget, beat=rig.beat)
    return Taken(samples, rig.clock.now_ns() - begin, batch, {"batch": batch}, probe=True)


def _images_per_ns(series: Taken) -> float:
    return series.batch / statistics.median(series.samples_ns)
