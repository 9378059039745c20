"""Runs one case in a fresh process; a crash, a kill and a hang are results."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from resnet_export.bench.case import Case
from resnet_export.bench.request import Request
from resnet_export.bench.results import CaseResult, Measured, Series, Status
from resnet_export.bench.sampling import Budget
from resnet_export.bench.worker import TARGET, Progress
from resnet_export.errors import ResNetExportError, RuntimeCrashedError
from resnet_export.machine.noise import Watch
from resnet_export.workers import TIMEOUT_S, Worker

NEW_SHAPE_SHARE = 1 / 6
"""Share of the case's time: what takes longer to run for the first time, as if compiled, isn't run in another shape."""
END_S = 0.2
"""For what follows the samples: their way here, and the end of the process."""


@dataclass(frozen=True)
class Limits:
    """How long a case may take."""

    budget: Budget
    end_s: float | None = None
    """When it has to be over, on the clock `time.monotonic`: the samples get what the start left. None for the budget's
    own time."""
    timeout_s: float = TIMEOUT_S
    """Seconds without a sign of life after which it is ended."""

    def left(self, reserved_s: float = 0.0) -> Budget:
        """What is left of the time, less what is reserved."""
        if self.end_s is None:
            return self.budget
        return dataclasses.replace(self.budget, seconds=max(0.0, self.end_s - time.monotonic() - reserved_s))


def run_case(case: Case, usable_cpus: float, limits: Limits, show: Callable[[str], None] | None = None) -> CaseResult:
    """Measures a case.

    Args:
        case: what to measure.
        usable_cpus: by affinity and cgroup; the number of threads where nobody chose one.
        limits: how long it may take.
        show: called with what the case is doing, in a few words, and the estimate so far.
    """
    request = Request.of(case, usable_cpus)
    result: CaseResult | None = None
    try:
        with Worker(TARGET, environment=request.environment, timeout_s=limits.timeout_s) as worker:
            for latest in _measured(case, request, limits, worker, show or (lambda text: None)):
                result = latest
    except ResNetExportError as error:
        return result or _failed(case, request.threads, error)
    assert result is not None, "it ran to its end"
    return result


def _failed(case: Case, threads: int, error: ResNetExportError) -> CaseResult:
    if isinstance(error, RuntimeCrashedError):
        status: Status = "hung" if error.hung else "crashed"
        return CaseResult(case, status, threads, reason=error.message, signal=error.signal, log=error.log)
    return CaseResult(case, "failed", threads, reason=error.message, hint=error.hint, exit_code=error.exit_code)


def _measured(
    case: Case, request: Request, limits: Limits, worker: Worker, show: Callable[[str], None]
) -> Iterator[CaseResult]:
    """The result once it opened, ran, warmed up and was sampled; then again with a new shape, which may end it."""
    scenario, budget = case.scenario, limits.left()

    def call(method: str, *arguments: Any, doing: str) -> Any:
        show(doing)
        return worker.call(method, *arguments, doing=doing)

    imported = call("load", request, doing="importing the runtime")
    opened = call("open", scenario, doing="opening the file")
    first = call("first_run", doing="running it for the first time")
    warm = call("warm_up", budget.seconds, doing="warming up")
    ran = worker.call("ran")
    may_be_new = case.model.batch is None and first <= NEW_SHAPE_SHARE * budget.seconds * 1e9
    watch = Watch(worker.pid, on_gpu=not ran.on_cpu)

    def follow(progress: Progress) -> None:
        watch.look()
        show(f"p50 {progress.p50_ms:.4g} ms of {progress.samples}")

    # A new shape is drawn, planned and run.
    left = limits.left(END_S + (2 * first / 1e9 if may_be_new else 0.0))
    outcome = worker.call("run_scenario", scenario, left, progress=follow, doing="sampling")
    noise = watch.end()
    measured = Measured(
        ran=ran,
        import_ns=imported,
        open_ns=opened,
        first_run_ns=first,
        warm_up_ns=warm.samples_ns,
        settled=warm.settled,
        series=tuple(Series.of(taken, scenario.slo_ms) for taken in outcome.series),
        headline=outcome.headline,
        memory=worker.call("memory", doing="reading its memory"),
    )
    result = CaseResult(case, "measured", request.threads, measured, noise=noise)
    yield result
    if may_be_new:
        took = call("time_new_shape", {taken.batch for taken in outcome.series}, doing="running it with another batch")
        yield dataclasses.replace(result, measured=dataclasses.replace(measured, new_shape_ns=took))
