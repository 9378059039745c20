"""`resnet-export predict`: the most probable classes of pictures."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import click

from resnet_export.cli.export import ASPECT_HELP, ASPECTS, INTERPOLATIONS
from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import COUNT, RUNTIME, numbers
from resnet_export.errors import ImageError

# A literal: the table that it repeats stands in a module which imports onnx. A test holds them equal.
HEADS = ("logits", "probabilities", "sigmoid")

prediction, preparation = (partial(option, heading=heading) for heading in ("Prediction", "Preprocessing"))


def asked(heading: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options on what the file is and takes, as `classify.classifier.Asked` has them, and `--allow-fallback`.

    Args:
        heading: that those stand below which are not about the preparation.
    """
    add = partial(option, heading=heading)
    options = (
        add(
            "--labels",
            type=click.Path(),
            metavar="FILE|imagenet",
            help="Class names, one a line, or ImageNet's.  [default: those in the file]",
        ),
        add(
            "--head",
            type=click.Choice(HEADS),
            help="What the output is; sigmoid is for several labels at once.  [default: as the file shows, or logits]",
        ),
        add("--allow-fallback", is_flag=True, help="Go on where nodes run elsewhere than asked for."),
        preparation(
            "--image-size", type=COUNT, metavar="PIXELS", help="Height and width, for a file that leaves them open."
        ),
        preparation("--resize", type=COUNT, metavar="PIXELS", help="Shorter side before the middle is cropped out."),
        preparation("--mean", type=numbers(), help="Mean of each channel, on the scale 0..1."),
        preparation("--std", type=numbers(positive=True), help="Standard deviation, likewise."),
        preparation("--interpolation", type=click.Choice(INTERPOLATIONS), help="How the pictures are resized."),
        preparation("--aspect", type=click.Choice(ASPECTS), help=ASPECT_HELP),
    )
    return lambda command: reduce(lambda inner, decorate: decorate(inner), reversed(options), command)


@click.command(
    cls=GroupedCommand,
    help="""Show the most probable classes of pictures.

    Takes any .onnx file that classifies images. Each picture is prepared as the file says; of a file that says
    nothing, what was assumed is shown. PICTURES are files, folders, or patterns such as 'photos/*.jpg'.

    Exit code 0: every picture has its answer. 3: one has none, or the file or the labels cannot be used. 1: the
    runtime failed. 4: it is not installed, 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export predict resnet18.onnx cat.jpg dog.png
      resnet-export predict resnet18.onnx photos/ --output answers.csv
      resnet-export predict resnet18.onnx cat.jpg --runtime openvino --top 1
      resnet-export predict other.onnx cat.jpg --labels labels.txt --resize 232
    """,
)
@click.argument("file", type=click.Path())
@click.argument("pictures", type=click.Path(), nargs=-1, required=True)
@prediction("--runtime", type=RUNTIME, default="ort:cpu", show_default=True, help="What runs the file.")
@prediction("--top", type=COUNT, default=5, show_default=True, help="Classes of each picture.")
@asked("Prediction")
@output_options("PredictReport", verbose="Show the stages, and what is printed meanwhile.")
def predict(file: str, pictures: tuple[str, ...], out: Output, **options: Any) -> None:
    """Predicts, prints, and leaves with 3 when a picture has no answer."""
    out.refuse(file, options["labels"], *pictures)
    with out.progress() as progress:
        from resnet_export.classify.predict import predict as answer

        report = answer(file, pictures, progress=progress, **options)
    out.show(report)
    if report.failed:
        have = "has" if report.failed == 1 else "have"
        raise ImageError(f"{report.failed} of {len(report.pictures)} pictures {have} no answer; the result says why.")
