"""`resnet-export bench`: how fast a file is here, with numbers that one can trust."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from resnet_export.cli.numbers import Counts, Duration, Gaps
from resnet_export.cli.options import GroupedCommand, RuntimeName, budget_of, duration, option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resnet_export.bench.case import Boundary
    from resnet_export.bench.plan import Plan
    from resnet_export.bench.scenario import Scenario

WHAT, PATTERN, HOW_LONG, OUTPUT = "What", "In which pattern", "How long", "Output"
HELP = """Measure latency and throughput, with intervals.

    Every combination of files, runtimes, batches and threads runs in a process of its own. What is interrupted goes on
    where it was when the same command is given again.

    Exit code 0: all was measured. 2, 3: an option or a file cannot be meant so. 4: a runtime is not installed, 5: it
    lacks a library, driver or device. 1: a case failed, crashed or hung; the others were measured.

    \b
    Examples:
      resnet-export bench resnet18.onnx
      resnet-export bench a.onnx b.onnx --runtime ort:cpu --runtime openvino
      resnet-export bench resnet18.onnx --batch 1,8,32 --threads 1,2 --quick
      resnet-export bench resnet18.onnx --slo-p99 50ms
      resnet-export bench --plan plan.toml --html report.html --output result.json
    """


@click.command(
    "run", cls=GroupedCommand, help=HELP, short_help="Measure; what `bench` alone means.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
@click.argument("files", type=click.Path(), nargs=-1, metavar="FILE...")
@option(
    "--runtime",
    "runtimes",
    heading=WHAT,
    multiple=True,
    type=RuntimeName(),
    metavar="NAME[,OPTION=VALUE...]",
    help="Run it here. Give it once for each.  [default: ort:cpu]",
)
@option("--batch", "batches", heading=WHAT, type=Counts(), metavar="N[,N...]", help="Images in a run.  [default: 1]")
@option(
    "--threads",
    heading=WHAT,
    type=Counts(),
    metavar="N[,N...]",
    help="Of a run.  [default: what affinity and cgroup allow]",
)
@option(
    "--boundary",
    "boundaries",
    heading=WHAT,
    multiple=True,
    type=click.Choice(["host", "device"]),
    help="From and to arrays of the host, or on the device.  [default: host]",
)
@option("--allow-fallback", heading=WHAT, is_flag=True, help="Go on where nodes run elsewhere than asked for.")
@option("--plan", heading=WHAT, type=click.Path(), metavar="FILE", help="Read all this from a TOML file.")
@option(
    "--scenario",
    "scenarios",
    heading=PATTERN,
    multiple=True,
    type=click.Choice(["single", "offline", "concurrent", "server", "idle"]),
    help="How it is called: one call behind the other; the best batch; several callers; requests at random times; "
    "after a pause.  [default: single]",
)
@option("--callers", heading=PATTERN, type=Counts(), metavar="N[,N...]", help="Of concurrent.  [default: 4]")
@option("--slo-p99", heading=PATTERN, type=Duration(), metavar="TIME", help="Of server: find the highest rate.")
@option("--gaps", heading=PATTERN, type=Gaps(), metavar="TIME[,...]", help="Of idle.  [default: 0,1,10,100,1000ms]")
@option(
    "--reference",
    heading=HOW_LONG,
    is_flag=True,
    help="Half of the time in turns with a network that never changes, so that `bench check` can tell on a machine "
    "whose pace does. Of single, on the CPU.",
)
@option("--profile", heading=HOW_LONG, is_flag=True, help="Time the layers, too, where ONNX Runtime runs them.")
@duration(HOW_LONG, default=60)
@option("--output", "-o", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write the result as JSON.")
@option("--html", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write it as a page.")
@option("--force", heading=OUTPUT, is_flag=True, help="Replace them where they exist.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the result as one JSON object.")
@option("--csv", "as_csv", heading=OUTPUT, is_flag=True, help="Print it as comma-separated values.")
@option("--markdown", "as_markdown", heading=OUTPUT, is_flag=True, help="Print it as a table for GitHub.")
@option(
    "--verbose",
    "-v",
    heading=OUTPUT,
    is_flag=True,
    help="Show the cases as they are measured, and every remark.",
)
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def run(
    *,
    files: tuple[str, ...],
    runtimes: tuple[str, ...],
    batches: tuple[int, ...] | None,
    threads: tuple[int, ...] | None,
    boundaries: tuple[Boundary, ...],
    allow_fallback: bool,
    plan: str | None,
    scenarios: tuple[str, ...],
    callers: tuple[int, ...] | None,
    slo_p99: float | None,
    gaps: tuple[float, ...] | None,
    reference: bool,
    profile: bool,
    seconds: int | None,
    quick: bool,
    output: str | None,
    html: str | None,
    force: bool,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Measures, prints, and leaves with another code than 0 when a case was not measured."""
    begun = time.monotonic()
    from resnet_export import interruption
    from resnet_export.cli import journals
    from resnet_export.cli.bench_result import choose_renderer, failure, tell_of, write_files
    from resnet_export.cli.chatter import held_back
    from resnet_export.cli.failing import reported
    from resnet_export.cli.output import refuse_outputs, say
    from resnet_export.cli.progress import Progress
    from resnet_export.errors import UnavailableError

    with reported(debug=debug):
        render = choose_renderer(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
        given = runtimes, batches, threads, boundaries, scenarios, callers, slo_p99, gaps, allow_fallback
        _refuse_without_files(files, plan, given)
        outputs = {"--output": output, "--html": html}
        refuse_outputs([*files, *filter(None, [plan])], outputs, force=force)
        with held_back(verbose=verbose) as stderr:
            from resnet_export.bench import RUNTIMES, measure, plan_digest
            from resnet_export.bench.case import make_plan
            from resnet_export.bench.plan import Plan, read_plan
            from resnet_export.bench.sampling import DEFAULT
            from resnet_export.machine import read_machine

            if plan is not None:
                planned = read_plan(Path(plan), RUNTIMES)
                refuse_outputs([case.model.path for case in planned.cases], outputs, force=force)
            else:
                cases = make_plan(
                    files,
                    runtimes or RUNTIMES,
                    batches,
                    threads or (None,),
                    boundaries=boundaries or ("host",),
                    scenarios=_scenarios(scenarios, callers, slo_p99, gaps),
                    allow_fallback=allow_fallback,
                )
                planned = Plan(cases, DEFAULT)
            planned = dataclasses.replace(planned, budget=budget_of(seconds, quick=quick) or planned.budget)
            machine = read_machine()
            journal = journals.place(output, plan_digest(planned.cases, planned.budget, machine, referenced=reference))
            if journal is not None:
                interruption.explain(lambda: journals.what_is_left(journal))
            _warn_of_time(planned, stderr, referenced=reference, profiled=profile)
            report = measure(
                planned.cases,
                planned.budget,
                journal,
                Progress(stderr, verbose=verbose),
                machine=machine,
                begun=begun,
                referenced=reference,
                profiled=profile,
            )
        tell_of(report)
        say(render(report))
        write_files(report, outputs)
        if report.unkept is not None:
            raise UnavailableError(report.unkept)
        if journal is not None:
            journal.unlink(missing_ok=True)
        if report.failures:
            raise failure(report.failures)


def _refuse_without_files(files: Sequence[str], plan: str | None, given: Iterable[object]) -> None:
    from resnet_export.errors import UsageError

    if plan is None and not files:
        raise click.UsageError("Missing argument 'FILE...'.")
    if plan is not None and (files or any(given)):
        raise UsageError("--plan says what to measure, and so does the command.", hint="Leave out one of them.")


def _scenarios(
    names: tuple[str, ...], callers: tuple[int, ...] | None, slo_p99: float | None, gaps: tuple[float, ...] | None
) -> list[Scenario]:
    """Each scenario with the options that are its own; a bound means `server`, and so on, where none is named."""
    from resnet_export.bench.scenario import make_scenario
    from resnet_export.errors import UsageError

    own: dict[str, list[dict[str, Any]]] = {
        "concurrent": [{"callers": count} for count in callers or ()],
        "server": [] if slo_p99 is None else [{"slo_p99_ms": slo_p99}],
        "idle": [] if gaps is None else [{"gaps_ms": gaps}],
    }
    implied = [name for name, settings in own.items() if settings]
    for name, option_name in (("concurrent", "--callers"), ("server", "--slo-p99"), ("idle", "--gaps")):
        if names and name in implied and name not in names:
            raise UsageError(f"{option_name} belongs to --scenario {name}.", hint=f"Add --scenario {name}.")
    return [
        make_scenario(name, **settings)
        for name in dict.fromkeys(names or implied or ("single",))
        for settings in own.get(name) or [{}]
    ]


def _warn_of_time(planned: Plan, stderr: TextIO, *, referenced: bool, profiled: bool) -> None:
    """One line before the measuring where the time can't suffice."""
    from resnet_export.bench.schedule import Schedule
    from resnet_export.plain import number

    given = planned.budget.seconds
    schedule = Schedule(planned.cases, given, 0.0, referenced=referenced, profiled=profiled)
    if schedule.least_seconds > given:
        about = f"about {math.ceil(schedule.least_seconds)} s, not {given:g} s"
        stderr.write(f"{number(len(planned.cases), 'case')} here take {about}: each has a process of its own\n")
        stderr.flush()
