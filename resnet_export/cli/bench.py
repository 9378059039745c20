"""`resnet-export bench`: how fast a file is here, with numbers that one can trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resnet_export.cli.options import GroupedCommand, GroupedOptions, RuntimeName, option, same_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnet_export.bench.results import BenchReport, CaseResult
    from resnet_export.bench.sampling import Budget
    from resnet_export.errors import ResNetExportError

WHAT, HOW_LONG, OUTPUT = "What", "How long", "Output"
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
      resnet-export bench resnet18.onnx --json --output resnet18.json
    """


class Counts(click.ParamType):  # type: ignore[type-arg]  # generic in the latest click only
    """Whole numbers from 1 with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers as a tuple."""
        if isinstance(value, tuple):
            return value
        numbers = []
        for part in str(value).split(","):
            if not part.strip().isdecimal() or int(part) < 1:
                self.fail(f"{part.strip()!r} is not a whole number from 1.", param, ctx)
            numbers.append(int(part))
        return tuple(numbers)


class Bench(GroupedOptions, click.Group):
    """The group: what is not the name of a sub-command belongs to `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `run` in front where no sub-command stands there."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of `run` under their headings, then the commands."""
        GroupedOptions.format_options(self.commands["run"], ctx, formatter)  # type: ignore[arg-type]
        self.format_commands(ctx, formatter)


@click.group(
    cls=Bench,
    help=HELP,
    options_metavar="",
    subcommand_metavar="[run] FILE... [OPTIONS]",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def bench() -> None:
    """Only leads to its commands."""


@bench.command(
    cls=GroupedCommand, help=HELP, short_help="Measure; what `bench` alone means.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
@click.argument("files", type=click.Path(), nargs=-1, required=True, metavar="FILE...")
@option(
    "--runtime",
    "runtimes",
    heading=WHAT,
    multiple=True,
    type=RuntimeName(),
    metavar="NAME[,OPTION=VALUE...]",
    help="Run it here. Give it once for each.  [default: ort:cpu]",
)
@option(
    "--batch",
    "batches",
    heading=WHAT,
    type=Counts(),
    metavar="N[,N...]",
    default="1",
    help="Images in a run.  [default: 1]",
)
@option(
    "--threads",
    heading=WHAT,
    type=Counts(),
    metavar="N[,N...]",
    help="Of a run.  [default: what affinity and cgroup allow]",
)
@option("--allow-fallback", heading=WHAT, is_flag=True, help="Go on where nodes run elsewhere than asked for.")
@option("--quick", heading=HOW_LONG, is_flag=True, help="10 s in all, and at least 64 samples of each case.")
@option("--mlperf", heading=HOW_LONG, is_flag=True, help="600 s in all, in place of 60 s.")
@option("--output", "-o", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write the result as JSON.")
@option("--force", heading=OUTPUT, is_flag=True, help="Replace it where it exists.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the result as one JSON object.")
@option("--verbose", "-v", heading=OUTPUT, is_flag=True, help="Show the cases as they are measured.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def run(
    *,
    files: tuple[str, ...],
    runtimes: tuple[str, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...] | None,
    allow_fallback: bool,
    quick: bool,
    mlperf: bool,
    output: str | None,
    force: bool,
    as_json: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Measures, prints, and leaves with another code than 0 when a case was not measured."""
    from resnet_export.cli.chatter import held_back
    from resnet_export.cli.failing import INTERRUPTED, reported
    from resnet_export.cli.output import say, tell, write
    from resnet_export.cli.progress import Progress

    with reported(debug=debug):
        budget = _budget(quick=quick, mlperf=mlperf)
        if output is not None:
            _refuse_output(files, output, force=force)
        journal: Path | None = None
        try:
            with held_back(verbose=verbose) as stderr:
                from resnet_export.bench import RUNTIMES, measure, plan_digest
                from resnet_export.bench.case import make_plan

                cases = make_plan(
                    files, runtimes or RUNTIMES, batches, threads or (None,), allow_fallback=allow_fallback
                )
                journal = _journal(output, plan_digest(cases, budget))
                report = measure(cases, budget, journal, Progress(stderr, verbose=verbose))
        except KeyboardInterrupt:
            if journal is None or not journal.exists():
                raise
            tell(_kept(journal))
            raise click.exceptions.Exit(INTERRUPTED) from None
        if report.resumed:
            tell(f"resumed: {report.resumed} of {len(report.cases)} cases come from a run that was interrupted")
        text = _as_json(report) if as_json or output else ""
        if output is not None:
            write(output, text)
        say(text if as_json else _as_text(report))
        journal.unlink(missing_ok=True)
        if report.failures:
            raise _failure(report.failures)


def _budget(*, quick: bool, mlperf: bool) -> Budget:
    from resnet_export.bench import sampling
    from resnet_export.errors import UsageError

    if quick and mlperf:
        raise UsageError("--quick and --mlperf exclude each other.", hint="Give one of them.")
    return sampling.QUICK if quick else sampling.MLPERF if mlperf else sampling.DEFAULT


def _refuse_output(files: Sequence[str], output: str, *, force: bool) -> None:
    """Finds out before the measuring that the file cannot be written there."""
    from resnet_export.errors import UsageError
    from resnet_export.files import refuse_overwriting

    if Path(output).suffix == ".onnx" or any(same_file(output, file) for file in files):
        raise UsageError(f"--output {output} would replace another file.", hint="Give it another name.")
    refuse_overwriting(output, force=force)


def _journal(output: str | None, plan: str) -> Path:
    """Beside the output; without one, in the user's cache under the plan's digest."""
    if output is not None:
        return Path(f"{output}.journal")
    import os

    import platformdirs

    from resnet_export.files import reported

    cache = os.environ.get("RESNET_EXPORT_CACHE") or platformdirs.user_cache_dir("resnet-export", appauthor=False)
    folder = Path(cache, "bench")
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{plan[:16]}.journal"


def _kept(journal: Path) -> str:
    """What an interruption leaves."""
    from resnet_export.plain import number

    finished = max(0, journal.read_bytes().count(b"\n") - 1)  # the first line is the header
    return f"interrupted; {number(finished, 'finished case')} in {journal}: the same command goes on from there"


def _failure(failures: Sequence[CaseResult]) -> ResNetExportError:
    """What was not measured, as an error with the exit code of the gravest."""
    from resnet_export import errors
    from resnet_export.plain import number

    kinds: tuple[type[ResNetExportError], ...] = (
        errors.UnavailableError,
        errors.MissingDependencyError,
        errors.InputError,
        errors.UsageError,
    )
    gravest = max(result.exit_code or 1 for result in failures)
    kind = next((kind for kind in kinds if kind.exit_code == gravest), errors.RuntimeFailedError)
    first = failures[0]
    return kind(f"{number(len(failures), 'case')} gave no numbers; {first.case.label}: {first.reason}", hint=first.hint)


def _as_json(report: BenchReport) -> str:
    import json

    return json.dumps(report.as_dict(), allow_nan=False)


def _as_text(report: BenchReport) -> str:
    from resnet_export.report import bench_text

    return bench_text.render(report)
