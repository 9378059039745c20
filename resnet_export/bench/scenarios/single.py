"""One call behind the other: the latency of a caller who is alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.bench.sampling import closed_loop
from resnet_export.bench.scenarios import Outcome, Taken

if TYPE_CHECKING:
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Rig


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """One series, without a condition."""
    begin = rig.clock.now_ns()
    samples = closed_loop(rig.make_call(rig.batch), rig.clock, rig.budget, beat=rig.beat)
    return Outcome((Taken(samples, rig.clock.now_ns() - begin, rig.batch, {}),))
