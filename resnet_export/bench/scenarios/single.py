"""Sequential calls: the latency of a caller who is alone."""

from resnet_export.bench.sampling import closed_loop
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken


class Single(Pattern, frozen=True, tag="single"):
    """Each call begins when the one before is over."""

    may_have_reference = True

    def sample(self, rig: Rig) -> Outcome:
        """One series, without a condition."""
        begin = rig.clock.now_ns()
        samples = closed_loop(rig.make_call(rig.batch), rig.clock, rig.budget, beat=rig.beat)
        return Outcome((Taken(samples, rig.clock.now_ns() - begin, rig.batch, {}),))
