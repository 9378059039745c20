"""`resnet-export bench profile`: where the time of a run goes, by operator and by layer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from resnet_export.cli.options import GroupedCommand, RuntimeName, Whole, budget_of, duration, option

if TYPE_CHECKING:
    from resnet_export.bench.profile.profiled import Profile

WHAT, HOW_LONG, OUTPUT = "What", "How long", "Output"


@click.command(
    "profile",
    cls=GroupedCommand,
    help="""Time per operator and per layer.

    ONNX Runtime's own profiler times every node of the graph that it made of the file, at the level of optimisation at
    which the file is deployed; nodes are named after the file's layers. Takes any .onnx file that classifies images.

    Exit code 0: it was measured. 1: it crashed, hung or failed. 2: the runtime has no profiler, or an option cannot be
    meant so. 3: the file cannot be used. 4: the runtime is not installed, 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export bench profile resnet18.onnx
      resnet-export bench profile resnet18.onnx --batch 8 --threads 1 --top 25
      resnet-export bench profile a.onnx --runtime ort:cpu,optimization=basic
      resnet-export bench profile resnet18.onnx --json --output profile.json
    """,
    short_help="Time per operator and per layer.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("file", type=click.Path())
@option(
    "--runtime",
    heading=WHAT,
    type=RuntimeName(),
    metavar="NAME[,OPTION=VALUE...]",
    default="ort:cpu",
    help="Run it here; one of ONNX Runtime's.  [default: ort:cpu]",
)
@option(
    "--batch",
    heading=WHAT,
    type=Whole(1),
    metavar="N",
    help="Images in a run.  [default: 1, or what the file takes]",
)
@option(
    "--threads",
    heading=WHAT,
    type=Whole(1),
    metavar="N",
    help="Of a run.  [default: what affinity and cgroup allow]",
)
@duration(HOW_LONG, default=10)
@option("--top", heading=OUTPUT, type=Whole(1), metavar="N", default=10, help="Layers to show.  [default: 10]")
@option("--output", "-o", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write the result as JSON.")
@option("--force", heading=OUTPUT, is_flag=True, help="Replace it where it exists.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the result as one JSON object.")
@option("--verbose", "-v", heading=OUTPUT, is_flag=True, help="Show the stages, and what is printed meanwhile.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def profile(
    *,
    file: str,
    runtime: str,
    batch: int | None,
    threads: int | None,
    seconds: int | None,
    quick: bool,
    top: int,
    output: str | None,
    force: bool,
    as_json: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Profiles and prints."""
    begun = time.monotonic()
    from resnet_export.cli.chatter import held_back
    from resnet_export.cli.failing import reported
    from resnet_export.cli.output import refuse_outputs, say, write
    from resnet_export.cli.progress import Progress
    from resnet_export.report.json import render_line

    with reported(debug=debug):
        budget = budget_of(seconds, quick=quick)
        refuse_outputs([file], {"--output": output}, force=force)
        with held_back(verbose=verbose) as stderr:
            from resnet_export.bench import profile as profiling

            given = profiling.SECONDS if budget is None else budget.seconds
            progress = Progress(stderr, verbose=verbose)
            found = profiling.profile(file, runtime, batch, threads, given, progress, begun=begun)
        text = render_line(found) if as_json or output is not None else ""
        say(text if as_json else _as_text(found, top))
        if output is not None:
            write(output, text)


def _as_text(found: Profile, top: int) -> str:
    from resnet_export.report import profile_text

    return profile_text.render(found, top=top)
