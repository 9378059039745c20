"""`resnet-export bench profile`: where the time of a run goes, by operator and by layer."""

import time
from functools import partial
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, budget_of, duration, option
from resnet_export.cli.output import HEADING, Output, output_options
from resnet_export.cli.values import COUNT, RUNTIME

what = partial(option, heading="What")


@click.command(
    "profile",
    cls=GroupedCommand,
    help="""Time per operator and per layer.

    ONNX Runtime's own profiler times every node of the graph that it made of the file, at the level of optimisation at
    which the file is deployed; nodes are named after the file's layers. Takes any .onnx file that classifies images.

    Exit code 0: it was measured. 1: it crashed, hung or failed. 2: the runtime has no profiler, or an option has an
    invalid value. 3: the file cannot be used. 4: the runtime is not installed. 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export bench profile resnet18.onnx
      resnet-export bench profile resnet18.onnx --batch 8 --threads 1 --top 25
      resnet-export bench profile a.onnx --runtime ort:cpu,optimization=basic
      resnet-export bench profile resnet18.onnx --json --output profile.json
    """,
    short_help="Time per operator and per layer.",
)
@click.argument("file", type=click.Path())
@what("--runtime", type=RUNTIME, default="ort:cpu", help="Run it here; one of ONNX Runtime's.  [default: ort:cpu]")
@what("--batch", type=COUNT, help="Images in a run.  [default: 1, or what the file takes]")
@what("--threads", type=COUNT, help="Threads of a run.  [default: what affinity and cgroup allow]")
@duration("How long", default=10)
@option("--top", heading=HEADING, type=COUNT, default=10, help="Layers to show.  [default: 10]")
@output_options("Profile", verbose="Show the stages, and what is printed meanwhile.")
def profile(*, file: str, seconds: int | None, quick: bool, top: int, out: Output, **options: Any) -> None:
    """Profiles and prints."""
    begun = time.monotonic()
    budget = budget_of(seconds, quick=quick)
    out.refuse(file)
    with out.progress() as progress:
        from resnet_export.bench.profile import profiler

        given = profiler.SECONDS if budget is None else budget.seconds
        found = profiler.profile(file, seconds=given, progress=progress, begun=begun, **options)
    out.show(found, top=top)
