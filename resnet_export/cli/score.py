"""`resnet-export score`: the most probable classes of any number of pictures, a row each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from resnet_export import interruption
from resnet_export.cli.options import GroupedCommand, option, options_given
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.predict import asked
from resnet_export.cli.values import COUNT, RUNTIME, SHARE
from resnet_export.errors import ResNetExportError, UsageError
from resnet_export.report.kit import formats

if TYPE_CHECKING:
    from resnet_export.score.results import ScoreReport

# Literals: the tables that they repeat stand in modules which import onnx. A test holds them equal.
FORMATS, ENGINES = ("parquet", "csv", "jsonl"), ("local", "ray")

scoring, work = (partial(option, heading=heading) for heading in ("Scoring", "Work"))


@click.command(
    cls=GroupedCommand,
    help="""Label any number of pictures: a row each, with its classes or the reason why it has none.

    INPUTS are pictures, folders, patterns in quotes, and lists: a .txt with a path a line, a .csv with a column path,
    a .parquet with such a column or with the pictures. Each of them, and --output, is a path or an address such as
    s3://bucket/images. The same command goes on after an interruption; pictures that were added are scored.

    Exit code 0: each picture has its row, and at least one a label. 1: --max-errors isn't kept, or the runtime
    failed. 2: the output holds the results of another model or other options. 3: an input is missing, or no picture
    has a label. 4: pyarrow or the runtime is not installed, 5: the output can't be written, or the runtime lacks a
    library, driver or device.

    \b
    Examples:
      resnet-export score resnet18.onnx photos/ --output predictions/
      resnet-export score resnet18.onnx 'photos/**/*.jpg' -o predictions/ --fast
      resnet-export score resnet18.onnx list.csv -o predictions/ --format csv
      resnet-export score --summary predictions/ --output page.html
    """,
)
@click.argument("file", type=click.Path(), required=False)
@click.argument("inputs", type=click.Path(), nargs=-1)
@scoring(
    "--output",
    "-o",
    type=click.Path(),
    multiple=True,
    metavar="FOLDER",
    help="Where the rows go; with --summary, a file.",
)
@scoring("--summary", type=click.Path(), metavar="FOLDER", help="Show what such a folder holds, and score nothing.")
@scoring("--format", type=click.Choice(FORMATS), default="parquet", show_default=True, help="Of the rows.")
@scoring("--top", type=COUNT, default=5, show_default=True, help="Classes of each picture.")
@scoring("--logits", is_flag=True, help="Write the logits, too.")
@scoring("--embedding", is_flag=True, help="Write what the last layer takes, too.")
@scoring("--max-errors", type=SHARE, help="Exit code 1 if more of the rows have no label, such as 1%.")
@scoring("--changed", is_flag=True, help="Score pictures again that have changed since.")
@scoring("--fast", is_flag=True, help="Let libjpeg make JPEGs smaller while it decodes them.")
@work("--runtime", type=RUNTIME, default="ort:cpu", show_default=True, help="What runs the file.")
@work("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="What does the work.")
@work("--address", metavar="ADDRESS", help="A cluster of Ray, such as auto.  [default: Ray on this machine]")
@work("--decoders", type=COUNT, help="Processes that decode.  [default: one for each CPU]")
@work("--batch", type=COUNT, help="Pictures of a run.  [default: 8 on a CPU, else 64]")
@work("--part-size", type=COUNT, default=5000, show_default=True, help="Rows of a part.")
@asked("Scoring")
@output_options("ScoreReport", files="--report", verbose="Show the stages, and what is printed meanwhile.")
def score(
    file: str | None,
    inputs: tuple[str, ...],
    output: tuple[str, ...],
    summary: str | None,
    max_errors: float | None,
    out: Output,
    **options: Any,
) -> None:
    """Scores, or reads what was scored, and shows it."""
    if summary is not None:
        useless = [] if file is None else [file, *inputs]
        useless += [name for parameter, name in options_given(click.get_current_context()) if parameter in options]
        if useless:
            raise UsageError("--summary scores nothing.", hint=f"Leave out {' '.join(useless)}.")
        files = {path: formats.form_of(path, "ScoreReport", "--output") for path in output}
        both = replace(out, option="--output", files={**out.files, **files})
        both.refuse(summary)
        from resnet_export.score.summary import summarise

        found = summarise(summary, thumbnails="html" in both.forms)
        both.show(found)
        _keep(max_errors, found)
        return
    if file is None or not inputs or len(output) != 1:
        missing = "FILE" if file is None else "INPUTS" if not inputs else "one --output"
        raise UsageError(
            f"score needs {missing}.", hint="Write: resnet-export score FILE.onnx photos/ --output predictions/"
        )
    out.refuse(file, options["labels"], *inputs)
    with out.progress() as progress:
        from resnet_export.score import score as write_rows

        interruption.explain(lambda: f"the parts in {output[0]} are kept: the same command goes on from there")
        report = write_rows(file, inputs, output[0], thumbnails="html" in out.forms, progress=progress, **options)
    out.show(report)
    _keep(max_errors, report)


def _keep(limit: float | None, report: ScoreReport) -> None:
    """Fails where too many rows have no label."""
    if limit is not None and report.failed > limit * report.rows:
        raise ResNetExportError(
            f"{report.failed:,} of {report.rows:,} pictures have no label, {report.failed / report.rows:.2%}: "
            f"more than the {limit:.2%} of --max-errors.",
            hint=f"What is wrong with each: resnet-export score --summary {report.folder}",
        )
