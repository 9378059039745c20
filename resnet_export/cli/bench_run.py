"""`resnet-export bench`: how fast a file is here, with numbers that one can trust."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from resnet_export import interruption
from resnet_export.cli.again import again
from resnet_export.cli.options import GroupedCommand, budget_of, duration, option, removed
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.streams import tell
from resnet_export.cli.values import COUNTS, DURATION, DURATIONS, RUNTIME
from resnet_export.errors import ResNetExportError, UnavailableError, UsageError, kind_of
from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.bench.plan import Plan
    from resnet_export.bench.results import CaseResult
    from resnet_export.bench.scenarios import Scenario

HELP = """Measure latency and throughput, with intervals.

    Every combination of files, runtimes, batches and threads runs in a process of its own. Give the same command again
    to go on with a run that was interrupted.

    Exit code 0: all was measured. 1: a case failed, crashed or hung; the others were measured. 2, 3: an option or a
    file has an invalid value. 4: a runtime is not installed. 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export bench resnet18.onnx
      resnet-export bench a.onnx b.onnx --runtime ort:cpu --runtime openvino
      resnet-export bench resnet18.onnx --batch 1,8,32 --threads 1,2 --quick
      resnet-export bench resnet18.onnx --slo-p99 50ms
      resnet-export bench bundles/ncnn
      resnet-export bench --plan plan.toml --output page.html --output all.json
    """


what, pattern, how_long = (partial(option, heading=name) for name in ("What", "In which pattern", "How long"))


@click.command("run", cls=GroupedCommand, help=HELP, short_help="Measure; what `bench` alone means.")
@click.argument("files", type=click.Path(), nargs=-1, metavar="FILE...")
@what(
    "--runtime",
    "runtimes",
    multiple=True,
    type=RUNTIME,
    help="Run it here. Give it once for each.  [default: ort:cpu; of a bundle, its own]",
)
@what("--batch", "batches", type=COUNTS, help="Images in a run.  [default: 1]")
@what("--threads", type=COUNTS, help="Threads of a run.  [default: what affinity and cgroup allow]")
@what(
    "--io",
    "ios",
    multiple=True,
    type=click.Choice(["host", "device"]),
    help="Where inputs and outputs are: arrays of the host, or memory of the device.  [default: host]",
)
@what("--allow-fallback", is_flag=True, help="Go on where nodes run elsewhere than asked for.")
@what("--plan", type=click.Path(), metavar="FILE", help="Read all this from a TOML file.")
@pattern(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(["single", "offline", "concurrent", "server", "idle"]),
    help="single: sequential calls. offline: the best batch. concurrent: several callers. server: requests at random "
    "times. idle: calls after a pause.  [default: single]",
)
@pattern("--callers", type=COUNTS, help="For concurrent.  [default: 4]")
@pattern("--slo-p99", type=DURATION, help="For server: find the highest rate.")
@pattern("--gaps", type=DURATIONS, help="For idle.  [default: 0,1,10,100,1000ms]")
@how_long(
    "--reference",
    is_flag=True,
    help="Spend half of the time in turns with a network that never changes, so that `bench check` can tell on a "
    "machine whose pace changes. For single, on the CPU.",
)
@duration("How long", default=60)
@removed("--boundary", "--io host or --io device")
@removed("--html", "--output page.html")
@output_options("BenchReport", verbose="Show the cases as they are measured, and every remark.")
def run(
    *,
    files: tuple[str, ...],
    plan: str | None,
    reference: bool,
    seconds: int | None,
    quick: bool,
    out: Output,
    **product: Any,
) -> None:
    """Measures, prints, and leaves with another code than 0 when a case was not measured."""
    begun = time.monotonic()
    if plan is None and not files:
        raise click.UsageError("Missing argument 'FILE...'.")
    if plan is not None and (files or any(product.values())):
        raise UsageError("--plan says what to measure, and so does the command.", hint="Leave out one of them.")
    out.refuse(*files, plan)
    ctx = click.get_current_context()
    with out.progress() as progress:
        from resnet_export.bench import measure, plan_digest
        from resnet_export.machine import read_machine

        planned = _plan(files, plan, **product)
        out.refuse(*(case.model.path for case in planned.cases))
        planned = dataclasses.replace(planned, budget=budget_of(seconds, quick=quick) or planned.budget)
        machine = read_machine()
        journal = _journal_of(plan_digest(planned.cases, planned.budget, machine, referenced=reference))
        if journal is not None:
            interruption.explain(partial(_what_is_left, journal))
        _warn_of_time(planned, progress.stream, referenced=reference)
        report = measure(
            planned.cases, planned.budget, journal, progress, machine=machine, begun=begun, referenced=reference
        )
    if report.resumed:
        tell(f"resumed: {report.resumed} of {len(report.cases)} cases come from a run that was interrupted")
    out.show(report, verbose=out.verbose, again=partial(again, ctx))
    if report.unkept is not None:
        raise UnavailableError(report.unkept)
    if journal is not None:
        journal.unlink(missing_ok=True)
    if report.failures:
        raise _failure(report.failures)


def _plan(
    files: tuple[str, ...],
    plan: str | None,
    *,
    runtimes: tuple[str, ...],
    batches: tuple[int, ...] | None,
    threads: tuple[int, ...] | None,
    ios: tuple[Any, ...],
    allow_fallback: bool,
    **scenarios: Any,
) -> Plan:
    """What to measure, from the plan's file or the options."""
    from resnet_export.bench.case import expand_cases
    from resnet_export.bench.plan import Plan, read_plan
    from resnet_export.bench.sampling import DEFAULT

    if plan is not None:
        return read_plan(Path(plan))
    cases = expand_cases(
        files,
        runtimes or None,
        batches,
        threads or (None,),
        ios=ios or ("host",),
        scenarios=_scenarios(**scenarios),
        allow_fallback=allow_fallback,
    )
    return Plan(cases, DEFAULT)


def _scenarios(
    scenarios: tuple[str, ...],
    callers: tuple[int, ...] | None,
    slo_p99: float | None,
    gaps: tuple[float, ...] | None,
) -> list[Scenario]:
    """Each scenario with the options that are its own; a bound means `server`, and so on, where none is named."""
    from resnet_export.bench.scenarios import make_scenario

    own: dict[str, list[dict[str, Any]]] = {
        "concurrent": [{"callers": count} for count in callers or ()],
        "server": [] if slo_p99 is None else [{"slo_p99_ms": slo_p99}],
        "idle": [] if gaps is None else [{"gaps_ms": gaps}],
    }
    implied = [name for name, settings in own.items() if settings]
    for name, option_name in (("concurrent", "--callers"), ("server", "--slo-p99"), ("idle", "--gaps")):
        if scenarios and name in implied and name not in scenarios:
            raise UsageError(f"{option_name} belongs to --scenario {name}.", hint=f"Add --scenario {name}.")
    return [
        make_scenario(name, **settings)
        for name in dict.fromkeys(scenarios or implied or ("single",))
        for settings in own.get(name) or [{}]
    ]


def _journal_of(plan: str) -> Path | None:
    """The journal of a plan, by its digest, in the user's cache; None where that can't be written."""
    from resnet_export.files import cache_folder

    folder = cache_folder() / "bench"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # nobody asked for it: in a container there may be no home
        return None
    return folder / f"{plan[:16]}.journal" if os.access(folder, os.W_OK | os.X_OK) else None


def _what_is_left(journal: Path) -> str:
    """After an interruption: `1 finished case is kept: the same command goes on from there`."""
    try:
        finished = max(0, journal.read_bytes().count(b"\n") - 1)  # the first line is the header
    except OSError:
        finished = 0
    if not finished:
        return "no case was finished"
    return f"{number(finished, 'finished case')} in {journal}: the same command goes on from there"


def _warn_of_time(planned: Plan, stderr: TextIO, *, referenced: bool) -> None:
    """One line before the measuring where the time can't suffice."""
    from resnet_export.bench.schedule import Schedule

    given = planned.budget.seconds
    schedule = Schedule(planned.cases, given, 0.0, referenced=referenced)
    if schedule.least_seconds > given:
        about = f"about {math.ceil(schedule.least_seconds)} s, not {given:g} s"
        stderr.write(f"{number(len(planned.cases), 'case')} here take {about}: each has a process of its own\n")
        stderr.flush()


def _failure(failures: Sequence[CaseResult]) -> ResNetExportError:
    """What was not measured, as an error with the exit code of the gravest."""
    kind, first = kind_of(max(result.exit_code or 1 for result in failures)), failures[0]
    return kind(f"{number(len(failures), 'case')} gave no numbers; {first.case.label}: {first.reason}", hint=first.hint)
