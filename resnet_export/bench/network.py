"""`Network`: an open session with its inputs, as something that can be called."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from resnet_export.bench.sampling import Budget, closed_loop
from resnet_export.errors import NotApplicableError

if TYPE_CHECKING:
    from resnet_export.bench.case import Boundary
    from resnet_export.bench.clock import Clock
    from resnet_export.bench.inputs import Images
    from resnet_export.bench.sampling import Call
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.scenarios import Outcome
    from resnet_export.runtimes.session import Session

SUBMISSIONS = 64
"""Samples of the time that it takes to hand over the work."""


class Network:
    """A session behind one boundary."""

    def __init__(self, session: Session, images: Images, boundary: Boundary) -> None:
        self._session, self._images, self._boundary = session, images, boundary

    def refuse(self, scenario: Scenario, batch: int) -> None:
        """Finds out whether it takes the batches and callers of a scenario.

        Raises:
            NotApplicableError: it doesn't.
        """
        takes, name = self._session.batches, self._session.name
        refused = set() if takes is None else {batch, *scenario.batches} - set(takes)
        if takes is not None and refused:
            listed = ", ".join(map(str, takes))
            raise NotApplicableError(f"{name} takes batches of {listed} only.", hint=f"Give --batch {listed}.")
        if (scenario.callers or 1) > 1 and not self._session.takes_callers:
            raise NotApplicableError(f"{name} takes one caller at a time.", hint="Leave out --scenario concurrent.")

    def make_call(self, batch: int) -> Call:
        """What runs it on that many images, a few batches taking turns."""
        drawn = self._images.draw(batch, as_file=self._session.takes_file_input)
        if self._boundary == "device":
            binding = self._session.bind(drawn)

            def call_bound(index: int) -> None:
                binding.submit(index)
                binding.wait()

            return call_bound
        run, count = self._session.run, len(drawn)

        def call(index: int) -> None:
            run(drawn[index % count])

        return call

    def time_new_shape(self, clock: Clock, outcome: Outcome) -> int | None:
        """The first run of a batch that it has not seen, in nanoseconds; None where it takes no other."""
        if self._session.batches is not None:
            return None
        seen = {series.batch for series in outcome.series}
        call = self.make_call(next(batch for batch in itertools.count(min(seen) + 1) if batch not in seen))
        (duration,) = closed_loop(call, clock, Budget(0.0, 1))
        return duration

    def time_submission(self, clock: Clock, batch: int) -> tuple[int, ...] | None:
        """How long it takes to hand over a run, in nanoseconds; None from host to host."""
        if self._boundary == "host":
            return None
        binding = self._session.bind(self._images.draw(batch, as_file=self._session.takes_file_input))
        samples = []
        for index in range(SUBMISSIONS):
            begin = clock.now_ns()
            binding.submit(index)
            samples.append(clock.now_ns() - begin)
            binding.wait()
        return tuple(samples)
