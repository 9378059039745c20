"""`resnet-export export`: the main job."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resnet_export.cli.options import Batch, FileOr, GroupedCommand, Numbers, OneOf, Positive, Whole, option, same_file
from resnet_export.spec import STEMS, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.report.data import ExportReport

# Literals: the tables that they repeat stand in modules which import numpy and onnx. A test holds them equal.
FRAMEWORKS = ("keras", "torch")
PUBLISHED = ("IMAGENET1K_V1", "IMAGENET1K_V2")
LAYOUTS = ("nchw", "nhwc")
HEADS = ("logits", "probabilities", "sigmoid", "embedding")
EMBEDDED = ("none", "uint8")
OPSETS = range(13, 27)
INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos")

COUNT = Whole(1)
NETWORK, FILE, PICTURES, CHECK, OUTPUT = "Network", "File", "Preprocessing", "Check", "Output"

EXAMPLES = """\b
    Examples:
      resnet-export --framework keras
      resnet-export --framework torch --weights my.pth --output my.onnx
      resnet-export --weights IMAGENET1K_V1 --depth 50 --preprocess uint8
      resnet-export --weights my.keras --images photos/ --report my.json"""


@click.command(
    cls=GroupedCommand,
    help=f"""Convert a ResNet to one ONNX file, and prove that the file is that network.

    Without --weights the network is a new one, initialised from --seed.

    {EXAMPLES}
    """,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@option(
    "--framework",
    heading=NETWORK,
    type=click.Choice(FRAMEWORKS),
    help="Whose definition is converted.  [default: that of the weights, or the one that is installed]",
)
@option(
    "--weights",
    heading=NETWORK,
    type=FileOr(PUBLISHED),
    metavar="FILE|NAME",
    help=f"A checkpoint of either framework, or {' or '.join(PUBLISHED)}.",
)
@option(
    "--depth",
    heading=NETWORK,
    type=OneOf(VARIANTS),
    metavar="N",
    help=f"{', '.join(map(str, VARIANTS))}.  [default: that of the weights, or 18]",
)
@option("--num-classes", heading=NETWORK, type=COUNT, metavar="N", help="[default: as in the weights, or 1000]")
@option("--in-channels", heading=NETWORK, type=COUNT, metavar="N", help="[default: as in the weights, or 3]")
@option(
    "--image-size",
    heading=NETWORK,
    type=COUNT,
    metavar="PIXELS",
    help="Height and width.  [default: 224, or 32 with the cifar stem]",
)
@option(
    "--stem",
    heading=NETWORK,
    type=click.Choice(STEMS),
    help="7x7 with a max pool, or 3x3 without.  [default: as in the weights, or imagenet]",
)
@option(
    "--width",
    heading=NETWORK,
    type=COUNT,
    metavar="N",
    help="Channels after the stem.  [default: as in the weights, or 64]",
)
@option(
    "--eps",
    heading=NETWORK,
    type=Positive(),
    metavar="X",
    help="Added to the variance in the batch norms.  [default: as in the weights, or 1e-5]",
)
@option(
    "--seed",
    heading=NETWORK,
    type=Whole(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Of a new network's weights.",
)
@option(
    "--output", "-o", heading=FILE, type=click.Path(), metavar="FILE", help="Its name.  [default: resnet<depth>.onnx]"
)
@option("--force", heading=FILE, is_flag=True, help="Replace a file that exists.")
@option(
    "--layout",
    heading=FILE,
    type=click.Choice(LAYOUTS),
    default="nchw",
    show_default=True,
    help="Order of the input's axes.",
)
@option(
    "--batch",
    heading=FILE,
    type=Batch(),
    metavar="dynamic|N",
    default="dynamic",
    show_default=True,
    help="Images a run takes.",
)
@option("--dynamic-size", heading=FILE, is_flag=True, help="Leave height and width open.")
@option(
    "--opset",
    heading=FILE,
    type=OneOf(OPSETS),
    metavar="N",
    default=17,
    show_default=True,
    help=f"Version of the ONNX operators, {OPSETS[0]} to {OPSETS[-1]}.",
)
@option(
    "--head",
    heading=FILE,
    type=click.Choice(HEADS),
    default="logits",
    show_default=True,
    help="What the output is; sigmoid is for several labels at once.",
)
@option("--labels", heading=FILE, type=click.Path(), metavar="FILE", help="Class names to put in, one a line.")
@option(
    "--preprocess",
    heading=PICTURES,
    type=click.Choice(EMBEDDED),
    default="none",
    show_default=True,
    help="uint8: the file takes raw pixels 0..255 and normalises them itself.",
)
@option("--mean", heading=PICTURES, type=Numbers(), metavar="X,X,X", help="Per channel, on the scale 0..1.")
@option("--std", heading=PICTURES, type=Numbers(positive=True), metavar="X,X,X", help="Likewise.")
@option(
    "--resize", heading=PICTURES, type=COUNT, metavar="PIXELS", help="Shorter side before the middle is cropped out."
)
@option("--interpolation", heading=PICTURES, type=click.Choice(INTERPOLATIONS), help="Of the resize.")
@option(
    "--images",
    heading=CHECK,
    type=click.Path(),
    metavar="FOLDER",
    help="Check on these pictures too, beside random input.",
)
@option("--no-verify", heading=CHECK, is_flag=True, help="Write the file unchecked.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the report as one JSON object.")
@option("--report", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write the report as JSON.")
@option("--verbose", "-v", heading=OUTPUT, is_flag=True, help="Show what the frameworks print.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def export(**options: Any) -> None:
    """Exports."""
    run(**options)


def run(
    *,
    weights: str | None,
    output: str | None,
    force: bool,
    no_verify: bool,
    as_json: bool,
    report: str | None,
    verbose: bool,
    debug: bool,
    **options: Any,
) -> None:
    """Calls the pipeline, prints its report, and leaves with the exit code of an error.

    Args:
        weights: the pipeline's source.
        output: the file.
        force: replace a file that exists.
        no_verify: leave the check out.
        as_json: print JSON in place of the summary.
        report: file to write the JSON to.
        verbose: let the frameworks' own output through.
        debug: show tracebacks.
        options: the pipeline's, by its names.
    """
    from resnet_export.cli.chatter import held_back
    from resnet_export.cli.failing import reported
    from resnet_export.cli.memory import sparing
    from resnet_export.cli.output import say
    from resnet_export.cli.progress import Progress
    from resnet_export.errors import ParityError

    with reported(debug=debug):
        if report is not None:
            _refuse_report(report, output, force=force)
        _fetch_published(weights, options.get("depth"))
        try:
            with held_back(verbose=verbose) as stderr, sparing() as settle:
                from resnet_export.pipeline import export as pipeline

                shown = Progress(stderr, verbose=verbose)

                @contextlib.contextmanager
                def progress(stage: str) -> Iterator[None]:
                    settle(stage)
                    with shown(stage):
                        yield

                done = pipeline(weights, output, force=force, verify=not no_verify, progress=progress, **options)
        except ParityError as error:
            if error.report is not None:
                if as_json:
                    say(_as_json(error.report))
                _write_report(error.report, report)
            raise
        say(_as_json(done) if as_json else _as_text(done))
        _write_report(done, report)


def _fetch_published(weights: str | None, depth: int | None) -> None:
    """Downloads published weights while the terminal is still ours, so that the progress can be seen."""
    if weights is None or not weights.startswith("IMAGENET1K") or Path(weights).exists():
        return
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights.published import fetch

    fetch(weights, depth or ResNetSpec.depth)


def _refuse_report(report: str, output: str | None, *, force: bool) -> None:
    """Finds out before the work that the report cannot be written there."""
    from resnet_export.errors import UsageError
    from resnet_export.files import refuse_overwriting

    if Path(report).suffix == ".onnx" or (output is not None and same_file(report, output)):
        raise UsageError(f"The report {report} would replace the exported file.", hint="Give it another name.")
    refuse_overwriting(report, force=force, option="--report")


def _write_report(done: ExportReport, path: str | None) -> None:
    if path is None:
        return
    from resnet_export.cli.output import write

    write(path, _as_json(done) + "\n")


def _as_json(done: ExportReport) -> str:
    from resnet_export.report import json

    return json.render(done)


def _as_text(done: ExportReport) -> str:
    from resnet_export.report import text

    return text.render(done)
