"""Measuring latency and throughput: `bench(["resnet18.onnx"], ["ort:cpu"])` gives a `BenchReport`.

Every case runs in a fresh process, one behind the other, and is in the journal before the next one begins.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_export import __version__
from resnet_export.bench.sampling import DEFAULT

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from resnet_export.bench.case import Boundary, Case
    from resnet_export.bench.journal import Journal
    from resnet_export.bench.profile.profiled import Profile
    from resnet_export.bench.results import BenchReport, CaseResult
    from resnet_export.bench.roofline import Peaks
    from resnet_export.bench.sampling import Budget
    from resnet_export.bench.scenario import Scenario
    from resnet_export.bench.schedule import Schedule
    from resnet_export.graph.cost import Cost
    from resnet_export.machine import Machine

    Progress = Callable[[str], AbstractContextManager[Callable[[str], None] | None]]

RUNTIMES = ("ort:cpu",)
"""Where none is named."""


def bench(
    paths: Sequence[str | os.PathLike[str]],
    runtimes: Sequence[str] = RUNTIMES,
    batches: Sequence[int] | None = None,
    threads: Sequence[int | None] = (None,),
    budget: Budget = DEFAULT,
    journal: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    boundaries: Sequence[Boundary] = ("host",),
    scenarios: Sequence[Scenario] | None = None,
    allow_fallback: bool = False,
    referenced: bool = False,
    profiled: bool = False,
    patience: float | None = None,
) -> BenchReport:
    """Measures every combination of the files, runtimes, batches, threads, boundaries and scenarios.

    Args:
        paths: of `.onnx` files that take images, written by this package or not.
        runtimes: such as `ort:cpu` or `openvino,precision=bfloat16`.
        batches: images in a run; None for 1, or the only one that a file takes.
        threads: of a run; None for what affinity and cgroup allow.
        budget: how long to take for all cases together, with the starts of their processes.
        journal: a file that keeps the finished cases; the same call goes on where it ended.
        progress: entered around each case with its label; may give what is told how it stands.
        boundaries: from where to where: `host`, `device`.
        scenarios: the patterns of calls (see `scenario.make_scenario`); None for one call behind the other.
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        referenced: measure each case in turns with the reference network, too, where it can be (see `reference`).
        profiled: profile each file, too, in the runtimes that can.
        patience: seconds without a sign of life after which a case is ended; None for five minutes.

    Returns:
        What was found. A case that fails, crashes or hangs is a result among the others.

    Raises:
        UsageError: a number is below 1, or there is no such runtime or option.
        InputError: a file can't be read, or takes no image, or not so many; or the journal is another plan's.
        MissingDependencyError: a runtime is not installed.
        UnavailableError: a runtime lacks a library, driver or device; or the journal can't be begun.
    """
    from resnet_export.bench.case import SINGLE, make_plan

    cases = make_plan(
        paths,
        runtimes,
        batches,
        threads,
        boundaries=boundaries,
        scenarios=(SINGLE,) if scenarios is None else scenarios,
        allow_fallback=allow_fallback,
    )
    return measure(cases, budget, journal, progress, referenced=referenced, profiled=profiled, patience=patience)


def measure(
    cases: Sequence[Case],
    budget: Budget = DEFAULT,
    journal: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    machine: Machine | None = None,
    begun: float | None = None,
    referenced: bool = False,
    profiled: bool = False,
    patience: float | None = None,
) -> BenchReport:
    """Measures the cases of a plan on `machine`, which is this one; other arguments and errors as of `bench`.

    The time runs since `begun`, as `time.monotonic` has it; None for now.
    """
    begun = time.monotonic() if begun is None else begun
    from resnet_export.bench.isolation import PATIENCE, run_case
    from resnet_export.bench.journal import Journal
    from resnet_export.bench.reference import NOT_FOR_IT, may_have_reference
    from resnet_export.bench.results import BenchReport
    from resnet_export.bench.schedule import Schedule
    from resnet_export.machine import read_machine

    stage = progress or (lambda name: contextlib.nullcontext())
    machine = machine or read_machine()
    patience = PATIENCE if patience is None else patience
    plan = plan_digest(cases, budget, machine, referenced=referenced)
    costs = _costs(cases)
    results: dict[str, CaseResult] = {}
    with contextlib.ExitStack() as stack:
        kept: Journal | None = None
        if journal is not None:
            kept = stack.enter_context(Journal(Path(journal), plan))
            results.update(kept.finished)
        resumed = len(results)
        schedule = Schedule(
            cases, budget.seconds, begun, referenced=referenced, profiled=profiled, finished=len(results)
        )
        for case in cases:
            if case.key in results:
                continue
            with stage(case.label) as tell:
                allowed = max(1, int(machine.usable_cpus))
                result = run_case(case, budget, allowed, end_s=schedule.next_end(), patience=patience, tell=tell)
                if referenced and may_have_reference(case):
                    result = _beside_reference(result, schedule.next_end() - time.monotonic(), tell, patience)
                elif referenced and result.measured is not None:
                    result = dataclasses.replace(result, relative_reason=NOT_FOR_IT)
                if kept is not None:
                    kept.add(result)
            results[case.key] = result
        unkept = None if kept is None else kept.broken
    found = tuple(results[case.key] for case in cases)
    profiles, unprofiled = _profiles(found, schedule, stage, patience) if profiled else ({}, {})
    peaks = _peaks(found, machine, schedule, stage)
    return BenchReport(plan, budget, machine, found, resumed, peaks, costs, profiles, unprofiled, unkept)


def _beside_reference(
    result: CaseResult, seconds: float, tell: Callable[[str], None] | None, patience: float
) -> CaseResult:
    """The same result with how it stands to the reference network, or why that could not be measured."""
    from resnet_export.bench.reference import measure_beside_reference
    from resnet_export.errors import ResNetExportError

    try:
        relative = measure_beside_reference(result, seconds, tell, patience)
    except ResNetExportError as error:  # the measurements stand all the same
        return dataclasses.replace(result, relative_reason=error.message)
    return dataclasses.replace(result, relative=relative)


def _peaks(results: Sequence[CaseResult], machine: Machine, schedule: Schedule, stage: Progress) -> tuple[Peaks, ...]:
    """Of each device and number of threads that a case ran on; without what can't be measured."""
    from resnet_export.bench.results import peaks_of
    from resnet_export.bench.roofline import measure_peaks
    from resnet_export.errors import RuntimeFailedError

    peaks = []
    wanted = [(device, threads) for device, threads in dict.fromkeys(map(peaks_of, results)) if device is not None]
    for left, (device, threads) in zip(range(len(wanted), 0, -1), wanted, strict=True):
        with contextlib.suppress(RuntimeFailedError), stage("peaks of this machine"):
            peaks.append(measure_peaks(machine, threads, device, seconds=schedule.seconds_for_peaks(left)))
    return tuple(peaks)


def _profiles(
    results: Sequence[CaseResult], schedule: Schedule, stage: Progress, patience: float | None
) -> tuple[dict[str, Profile], dict[str, str]]:
    """(key of a case -> where its time goes, likewise -> why nobody knows).

    Once for those that differ in scenario or boundary alone.
    """
    from resnet_export.bench.profile import has_profiler, profile
    from resnet_export.errors import ResNetExportError

    found: dict[tuple[str, str, int, int | None], Profile | str] = {}
    told: dict[str, Profile | str] = {}
    for result in results:
        case = result.case
        if result.measured is None or not has_profiler(case.runtime):
            continue
        what = case.model.path, case.runtime, result.measured.main.batch, case.threads
        if what not in found:
            try:
                seconds = schedule.next_end() - time.monotonic()
                found[what] = profile(*what, seconds, progress=stage, patience=patience)
            except ResNetExportError as error:  # the measurements stand all the same
                found[what] = error.message
        told[case.key] = found[what]
    return (
        {key: one for key, one in told.items() if not isinstance(one, str)},
        {key: one for key, one in told.items() if isinstance(one, str)},
    )


def _costs(cases: Sequence[Case]) -> dict[str, Cost]:
    """Digest of a file -> what an image costs in it, where that can be told."""
    from resnet_export.graph.cost import count
    from resnet_export.graph.file import read

    models = {case.model.sha256: case.model for case in cases}
    counted = {digest: count(read(Path(model.path)), model.images.shape(1)) for digest, model in models.items()}
    return {digest: cost for digest, cost in counted.items() if cost is not None}


def plan_digest(cases: Sequence[Case], budget: Budget, machine: Machine, *, referenced: bool = False) -> str:
    """What a journal knows a plan by: a home folder may be on several machines, and a machine may change."""
    from resnet_export.bench.case import digest

    gpus = [gpu.name for gpu in machine.gpus.devices]
    where = [machine.cpu.model, machine.usable_cpus, gpus, machine.system.name, dict(machine.packages)]
    asked = [dataclasses.asdict(budget), [case.as_dict() for case in cases], referenced]
    return digest([__version__, *asked, where])
