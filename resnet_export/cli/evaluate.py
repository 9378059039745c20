"""`resnet-export evaluate`: how often a file is right on labelled pictures, and beside another file."""

from functools import partial
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.predict import asked
from resnet_export.cli.values import COUNT, POINTS, RUNTIME, SHARE
from resnet_export.errors import ResNetExportError, UndecidedError

evaluation, limits = (partial(option, heading=heading) for heading in ("Evaluation", "Limits"))


@click.command(
    cls=GroupedCommand,
    help="""Show how often a file is right on labelled pictures.

    Takes any .onnx file that classifies images. DATA is a folder with a folder of pictures for each class, a .csv
    with the columns path and label, an .npz with the arrays images and labels, or a folder of IDX files.
    Each picture is prepared as the file says.

    Exit code 0: it was evaluated, and the limits are kept; pictures that can't be read are named, and count for
    nothing. 1: a limit is not kept, or the runtime failed. 6: the pictures don't tell whether it is. 3: the file, the
    data or all pictures cannot be used. 4: the runtime is not installed, 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export evaluate resnet18.onnx --data val/
      resnet-export evaluate resnet18.onnx --data val.csv --output page.html
      resnet-export evaluate resnet18.onnx --data val/ --min-top1 91%
      resnet-export evaluate b.onnx --data val/ --against a.onnx --max-drop 0.5%
    """,
)
@click.argument("file", type=click.Path())
@evaluation("--data", type=click.Path(), required=True, metavar="DATA", help="The labelled pictures.")
@evaluation("--runtime", type=RUNTIME, default="ort:cpu", show_default=True, help="What runs the file.")
@evaluation("--against", type=click.Path(), metavar="FILE", help="Another file, compared picture by picture.")
@evaluation("--against-runtime", type=RUNTIME, help="What runs the other file.  [default: the same]")
@evaluation("--batch", type=COUNT, default=16, show_default=True, help="Pictures of a run, where any number is taken.")
@limits("--min-top1", type=SHARE, help="The least accuracy, such as 91%.")
@limits("--max-drop", type=POINTS, help="Points of accuracy that it may lose against --against: 0.3 or 0.3%.")
@asked("Evaluation")
@output_options("EvaluateReport", verbose="Show the stages, and what is printed meanwhile.")
def evaluate(file: str, data: str, out: Output, **options: Any) -> None:
    """Evaluates, prints, and leaves with 1 when a limit isn't kept, with 6 when that can't be told."""
    out.refuse(file, data, options["against"], options["labels"])
    with out.progress() as progress:
        from resnet_export.classify.evaluate import evaluate as measure

        report = measure(file, data, thumbnails="html" in out.forms, progress=progress, **options)
    out.show(report)
    from resnet_export.report.evaluate import outcome

    failed, undecided = ([one for one in report.checks if one.status == status] for status in ("failed", "undecided"))
    said = " ".join(f"{outcome(one)}." for one in failed or undecided)
    if failed:
        raise ResNetExportError(f"{report.file.model} did not pass. {said}")
    if undecided:
        needed = max(one.needs_pictures or 0 for one in undecided)
        hint = f"Give more pictures: {needed:,} may tell." if needed else "Give more pictures, or another limit."
        raise UndecidedError(said, hint=hint)
