"""Measuring latency and throughput: `bench(["resnet18.onnx"], ["ort:cpu"])` gives a `BenchReport`.

The cases run sequentially, each in a fresh process, and each is in the journal before the next one begins.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_export import __version__
from resnet_export.bench.sampling import DEFAULT
from resnet_export.errors import ResNetExportError, RuntimeFailedError

if TYPE_CHECKING:
    from resnet_export.bench.case import IO, Case
    from resnet_export.bench.results import BenchReport, CaseResult
    from resnet_export.bench.roofline import Peaks
    from resnet_export.bench.sampling import Budget
    from resnet_export.bench.scenarios import Scenario
    from resnet_export.bench.schedule import Schedule
    from resnet_export.machine import Machine
    from resnet_export.progress import Progress


def bench(
    paths: Sequence[str | os.PathLike[str]],
    runtimes: Sequence[str] | None = None,
    batches: Sequence[int] | None = None,
    threads: Sequence[int | None] = (None,),
    budget: Budget = DEFAULT,
    journal: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    ios: Sequence[IO] = ("host",),
    scenarios: Sequence[Scenario] | None = None,
    allow_fallback: bool = False,
    referenced: bool = False,
    timeout_s: float | None = None,
) -> BenchReport:
    """Measures every combination of the files, runtimes, batches, threads, inputs and scenarios.

    Args:
        paths: `.onnx` files that take images, written by this package or not; folders that `deploy` wrote.
        runtimes: such as `ort:cpu` or `openvino,precision=bfloat16`; None for `ort:cpu`, and a bundle's own.
        batches: images in a run; None for 1, or the only one that a file takes.
        threads: threads of a run; None for what affinity and cgroup allow.
        budget: how long to take for all cases together, with the starts of their processes.
        journal: a file that keeps the finished cases; the same call goes on where it ended.
        progress: entered around each case with its label; may give a function that is called with how it stands.
        ios: where inputs and outputs are: `host`, `device`.
        scenarios: the patterns of calls (see `scenarios.make_scenario`); None for sequential calls.
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        referenced: measure each case in turns with the reference network, too, where it can be (see `reference`).
        timeout_s: seconds without a sign of life after which a case is ended; None for five minutes.

    Returns:
        What was found. A case that fails, crashes or hangs is a result among the others.

    Raises:
        UsageError: a number is below 1, or there is no such runtime or option.
        InputError: a file can't be read, or takes no image, or not so many; or the journal is another plan's.
        MissingDependencyError: a runtime is not installed.
        UnavailableError: a runtime lacks a library, driver or device; or the journal can't be begun.
    """
    from resnet_export.bench.case import expand_cases
    from resnet_export.bench.scenarios.single import Single

    cases = expand_cases(
        paths, runtimes, batches, threads, ios=ios, scenarios=scenarios or (Single(),), allow_fallback=allow_fallback
    )
    return measure(cases, budget, journal, progress, referenced=referenced, timeout_s=timeout_s)


def measure(
    cases: Sequence[Case],
    budget: Budget = DEFAULT,
    journal: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    machine: Machine | None = None,
    begun: float | None = None,
    referenced: bool = False,
    timeout_s: float | None = None,
) -> BenchReport:
    """Measures the cases of a plan on `machine`, which is this one; other arguments and errors as in `bench`.

    The time runs since `begun`, on the clock `time.monotonic`; None for now.
    """
    begun = time.monotonic() if begun is None else begun
    from resnet_export.bench.journal import Journal
    from resnet_export.bench.results import BenchReport
    from resnet_export.bench.schedule import Schedule
    from resnet_export.machine import read_machine
    from resnet_export.workers import TIMEOUT_S

    machine = machine or read_machine()
    plan = plan_digest(cases, budget, machine, referenced=referenced)
    with contextlib.nullcontext() if journal is None else Journal(Path(journal), plan) as kept:
        finished = {} if kept is None else dict(kept.finished)
        resumed = len(finished)
        schedule = Schedule(cases, budget.seconds, begun, referenced=referenced, finished=resumed)
        run = _Measurement(machine, budget, schedule, progress, timeout_s or TIMEOUT_S)
        for case in cases:
            if case.key not in finished:
                finished[case.key] = run.case(case, referenced=referenced)
                if kept is not None:
                    kept.add(finished[case.key])
        unkept = None if kept is None else kept.broken
    results = [finished[case.key] for case in cases]
    peaks = tuple(run.peaks(results))
    return BenchReport(plan, budget, machine, tuple(run.graded(results, peaks)), resumed, peaks, unkept)


class _Measurement:
    """The measuring of a plan, case by case, and what is computed once everything is measured."""

    def __init__(
        self, machine: Machine, budget: Budget, schedule: Schedule, progress: Progress | None, timeout_s: float
    ) -> None:
        self._machine, self._budget, self._schedule, self._timeout_s = machine, budget, schedule, timeout_s
        self._stage = progress or (lambda name: contextlib.nullcontext())

    def case(self, case: Case, *, referenced: bool) -> CaseResult:
        """Measures a case, and then in turns with the reference network."""
        from resnet_export.bench.reference import NOT_FOR_IT, measure_beside_reference
        from resnet_export.bench.runner import Limits, run_case

        with self._stage(case.label) as show:
            limits = Limits(self._budget, self._schedule.next_end(), self._timeout_s)
            result = run_case(case, self._machine.usable_cpus, limits, show)
            if not referenced or result.measured is None:
                return result
            if not case.scenario.may_have_reference:
                return dataclasses.replace(result, relative_reason=NOT_FOR_IT)
            seconds = self._schedule.next_end() - time.monotonic()
            try:
                relative = measure_beside_reference(result, self._machine, seconds, show, self._timeout_s)
            except ResNetExportError as error:  # the measurement stands all the same
                return dataclasses.replace(result, relative_reason=error.message)
            return dataclasses.replace(result, relative=relative)

    def peaks(self, results: Iterable[CaseResult]) -> Iterator[Peaks]:
        """The peaks of each device and number of threads that a case ran on; without what can't be measured."""
        from resnet_export.bench.roofline import device_of, measure_peaks

        ran = [(device_of(one.measured.ran), one.threads) for one in results if one.measured is not None]
        wanted = [(device, threads) for device, threads in dict.fromkeys(ran) if device is not None]
        for left, (device, threads) in zip(range(len(wanted), 0, -1), wanted, strict=True):
            seconds = self._schedule.seconds_for_peaks(left)
            try:
                with self._stage("peaks of this machine"):
                    found = measure_peaks(self._machine, threads, device, seconds=seconds)
            except RuntimeFailedError:  # the measurements stand all the same
                continue
            yield found

    def graded(self, results: Iterable[CaseResult], peaks: Sequence[Peaks]) -> Iterator[CaseResult]:
        """Adds the grade, and the share of the roofline."""
        from resnet_export.bench.grade import grade
        from resnet_export.bench.roofline import share_of

        for result in results:
            found = result.measured
            if found is None:
                yield result
                continue
            main, on_cpu = found.main, found.ran.on_cpu
            graded = grade(
                main.latency_ms, found.settled, result.threads, result.noise, self._machine, self._budget, on_cpu=on_cpu
            )
            alone = main.loop == "closed" and main.callers == 1
            cost, latency_ms = result.case.model.cost, main.latency_ms.p50.value
            share = share_of(cost, peaks, found.ran, result.threads, latency_ms, main.batch) if alone else None
            yield dataclasses.replace(result, grade=graded, roofline=share)


def plan_digest(cases: Sequence[Case], budget: Budget, machine: Machine, *, referenced: bool = False) -> str:
    """What a journal knows a plan by: a home folder may be on several machines, and a machine may change."""
    from resnet_export.bench.case import digest

    gpus = [gpu.name for gpu in machine.gpus.devices]
    where = [machine.cpu.model, machine.usable_cpus, gpus, machine.system.name, dict(machine.packages)]
    return digest([__version__, budget, list(cases), referenced, where])
