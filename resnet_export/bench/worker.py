"""`CaseWorker`: the process in which a network is measured, for `run`, `compare` and `profile` alike."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.bench.memory import Memory, gpu_memory, read_memory
from resnet_export.bench.request import Ran, Request
from resnet_export.bench.sampling import Budget, Clock, WarmUp, closed_loop, warm_up
from resnet_export.bench.scenarios import Rig
from resnet_export.errors import NotApplicableError, ResNetExportError

if TYPE_CHECKING:
    from resnet_export.bench.sampling import Call
    from resnet_export.bench.scenarios import Outcome, Scenario
    from resnet_export.runtimes.session import Session

TARGET = "resnet_export.bench.worker:CaseWorker"


@dataclass(frozen=True)
class Progress:
    """How the sampling stands."""

    samples: int
    p50_ms: float
    """The median of the latest samples."""


class CaseWorker:
    """One file in one runtime. The methods are called in the order in which they stand; times are nanoseconds."""

    _request: Request
    _session: Session
    _call: Call

    def __init__(self, report: Callable[[Any], None]) -> None:
        self._report = report
        self._clock = Clock()
        self._version = ""

    def load(self, request: Request) -> int:
        """Imports the runtime's library, once it is known to run here.

        Raises:
            ResNetExportError: it can't, and nothing may stand in for it.
        """
        self._request = request
        self._gpu_before = gpu_memory()
        begin = self._clock.now_ns()
        try:
            version = request.spec.probe()
            request.spec.load()
            self._version = version
        except ResNetExportError:
            if not request.allow_fallback:
                raise
        return self._clock.now_ns() - begin

    def open(self, scenario: Scenario) -> int:
        """Opens the file.

        Raises:
            ResNetExportError: the runtime can't, or does not take the batches or callers of the scenario.
        """
        begin = self._clock.now_ns()
        # It is never closed: some runtimes hang or crash at that, and the process ends anyway.
        self._session = self._request.spec.open(Path(self._request.path))
        self._refuse(scenario)
        return self._clock.now_ns() - begin

    def first_run(self) -> int:
        """Runs it once."""
        self._call = self._make_call(self._request.batch)
        (duration,) = self._sample(Budget(0.0, 1))
        return duration

    def warm_up(self, seconds: float) -> WarmUp:
        """Runs it until the latency settles; `seconds` are the case's."""
        return warm_up(self._call, self._clock, Budget(seconds), beat=self._show_life)

    def ran(self) -> Ran:
        """What runs, and where."""
        session, placement = self._session, self._session.placement()
        version = self._version or session.version  # the session's where the CPU stands in
        return Ran(version, session.precision, placement.device, dict(placement.nodes), placement.fallback)

    def run_scenario(self, scenario: Scenario, budget: Budget) -> Outcome:
        """Takes the samples of a case."""

        def show(count: int, latest: Sequence[int]) -> None:
            self._report(Progress(count, statistics.median(latest) / 1e6))

        return scenario.sample(Rig(self._make_call, self._request.batch, self._clock, budget, show))

    def block(self, lead_in: Budget, budget: Budget) -> tuple[int, ...]:
        """Latencies of sequential calls, after some that do not count."""
        self._sample(lead_in)
        return self._sample(budget)

    def memory(self) -> Memory:
        """The memory of the process."""
        return read_memory(self._gpu_before)

    def time_new_shape(self, seen: set[int]) -> int | None:
        """The first run of a batch that it has not seen; None where it takes no other."""
        if self._session.batches is not None:
            return None
        call = self._make_call(next(batch for batch in itertools.count(min(seen) + 1) if batch not in seen))
        (duration,) = closed_loop(call, self._clock, Budget(0.0, 1))
        return duration

    def _sample(self, budget: Budget) -> tuple[int, ...]:
        return closed_loop(self._call, self._clock, budget, beat=self._show_life)

    def _show_life(self, count: int, latest: Sequence[int]) -> None:
        self._report(None)

    def _refuse(self, scenario: Scenario) -> None:
        """Finds out whether the session takes the batches and callers of a scenario."""
        takes, name = self._session.batches, self._session.name
        wanted = {self._request.batch, *getattr(scenario, "batches", ())}
        if takes is not None and wanted - set(takes):
            listed = ", ".join(map(str, takes))
            raise NotApplicableError(f"{name} takes batches of {listed} only.", hint=f"Give --batch {listed}.")
        if getattr(scenario, "callers", 1) > 1 and not self._session.takes_callers:
            raise NotApplicableError(f"{name} takes one caller at a time.", hint="Leave out --scenario concurrent.")

    def _make_call(self, batch: int) -> Call:
        """The function that runs that many images; a few batches take turns."""
        drawn = self._request.images.draw(batch, as_file=self._session.takes_file_input)
        if self._request.io == "device":
            binding = self._session.bind(drawn)

            def call_bound(index: int) -> None:
                binding.submit(index)
                binding.wait()

            return call_bound
        run, count = self._session.run, len(drawn)

        def call(index: int) -> None:
            run(drawn[index % count])

        return call
