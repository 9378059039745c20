"""`resnet-export export`: the main job."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import BATCH, COUNT, POSITIVE, SIZE, FileOr, numbers, one_of, whole
from resnet_export.errors import ParityError

# Literals: the tables that they repeat stand in modules which import numpy and onnx. A test holds them equal.
FRAMEWORKS = ("keras", "torch")
DEPTHS = (18, 34, 50, 101, 152)
STEMS = ("imagenet", "cifar")
STRIDE_POSITIONS = ("3x3", "1x1")
PACKAGES = ("timm:", "torchvision:")
PUBLISHED = ("IMAGENET1K_V1", "IMAGENET1K_V2")
LAYOUTS = ("nchw", "nhwc")
HEADS = ("logits", "probabilities", "sigmoid", "embedding")
EMBEDDED = ("none", "uint8", "image")
OPSETS = range(13, 27)
INTERPOLATIONS, ASPECTS = ("bilinear", "bicubic", "nearest", "lanczos"), ("kept", "squashed")
ASPECT_HELP = "squashed: pictures become squares, and nothing is cropped, as Keras's loaders do it."

network, file, pictures, check = (
    partial(option, heading=heading) for heading in ("Network", "File", "Preprocessing", "Check")
)

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
)
@network(
    "--framework",
    type=click.Choice(FRAMEWORKS),
    help="Whose definition is converted.  [default: that of the weights, or the one that is installed]",
)
@network(
    "--model",
    metavar="MODULE:CALLABLE",
    help="Your own code that gives the model, package.module:callable or file.py:callable: it is run. Or timm:NAME, "
    "torchvision:NAME.",
)
@network(
    "--weights",
    type=FileOr(PUBLISHED),
    metavar="FILE|NAME",
    help=f"A checkpoint, a whole Keras model, an .onnx file, or {' or '.join(PUBLISHED)}; the same as SOURCE.",
)
@network("--depth", type=one_of(DEPTHS), help=f"{', '.join(map(str, DEPTHS))}.  [default: that of the weights, or 18]")
@network("--num-classes", type=COUNT, help="[default: as in the weights, or 1000]")
@network("--in-channels", type=COUNT, help="[default: as in the weights, or 3]")
@network(
    "--image-size",
    type=SIZE,
    metavar="PIXELS",
    help="Height and width; 96x64 is 96 high.  [default: 224, or 32 with the cifar stem]",
)
@network(
    "--stem",
    type=click.Choice(STEMS),
    help="7x7 with a max pool, or 3x3 without.  [default: as in the weights, or imagenet]",
)
@network("--width", type=COUNT, help="Channels after the stem.  [default: as in the weights, or 64]")
@network(
    "--eps", type=POSITIVE, help="Added to the variance in the batch norms.  [default: as in the weights, or 1e-5]"
)
@network(
    "--groups", type=COUNT, help="Groups of the 3x3 convolutions; ResNeXt has 32.  [default: as in the weights, or 1]"
)
@network(
    "--base-width",
    type=COUNT,
    help="Inner channels of a group at width 64; wide ResNets have 128.  [default: as in the weights, or 64]",
)
@network(
    "--stride-on",
    type=click.Choice(STRIDE_POSITIONS),
    help="Which convolution of a bottleneck has the stride.  [default: as in the model, or 3x3]",
)
@network("--ema", is_flag=True, help="Take the moving average of the checkpoint's weights, where it has one.")
@network("--seed", type=whole(0), default=0, show_default=True, help="Seed of a new network's weights.")
@file("--output", "-o", type=click.Path(), metavar="FILE", help="The file's name.  [default: resnet<depth>.onnx]")
@file(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="Order of the input's axes.  [default: nchw, or nhwc with --preprocess image]",
)
@file("--batch", type=BATCH, default="dynamic", show_default=True, help="Images that a run takes.")
@file("--dynamic-size", is_flag=True, help="Leave height and width open.")
@file(
    "--opset",
    type=one_of(OPSETS),
    help=f"Version of the ONNX operators, {OPSETS[0]} to {OPSETS[-1]}.  [default: 17, or 18 with --preprocess image]",
)
@file(
    "--head",
    type=click.Choice(HEADS),
    help="What the output is; sigmoid is for several labels at once.  [default: what the source gives]",
)
@file("--labels", type=click.Path(), metavar="FILE|imagenet", help="Class names to put in, one a line, or ImageNet's.")
@pictures(
    "--preprocess",
    type=click.Choice(EMBEDDED),
    default="none",
    show_default=True,
    help="uint8: the file takes raw pixels 0..255 and normalises them itself; image: pictures of any size, and resizes "
    "and crops them too.",
)
@pictures("--mean", type=numbers(), help="Mean of each channel, on the scale 0..1.")
@pictures("--std", type=numbers(positive=True), help="Standard deviation, likewise.")
@pictures("--resize", type=COUNT, metavar="PIXELS", help="Shorter side before the middle is cropped out.")
@pictures("--interpolation", type=click.Choice(INTERPOLATIONS), help="How the pictures are resized.")
@pictures("--aspect", type=click.Choice(ASPECTS), help=ASPECT_HELP)
@check("--images", type=click.Path(), metavar="FOLDER", help="Check on these pictures too, beside random input.")
@check("--no-verify", is_flag=True, help="Write the file unchecked.")
@output_options("ExportReport", files="--report", verbose="Show what the frameworks print.")
@click.argument("source", required=False, metavar="[SOURCE]")
def export(
    source: str | None, weights: str | None, output: str | None, no_verify: bool, out: Output, **options: Any
) -> None:
    """Calls the pipeline, and prints its report; that of a check that failed, too."""
    from resnet_export.cli.memory import sparing

    if source is not None and source.startswith(PACKAGES) and options["model"] is None:
        options["model"], source = source, None
    if source is not None and weights is not None:
        raise click.UsageError("SOURCE and --weights are the same: give one of them.")
    weights = source if weights is None else weights

    out.refuse(output)
    _fetch_published(weights, options["depth"])
    try:
        with out.progress() as shown, sparing() as settle:
            from resnet_export.pipeline import export as pipeline

            @contextlib.contextmanager
            def progress(stage: str) -> Iterator[None]:
                settle(stage)
                with shown(stage):
                    yield

            done = pipeline(weights, output, force=out.force, verify=not no_verify, progress=progress, **options)
    except ParityError as error:
        if error.report is not None:
            (out.show if out.form == "json" else out.write)(error.report)
        raise
    out.show(done)


def _fetch_published(weights: str | None, depth: int | None) -> None:
    """Downloads published weights while the terminal is still ours, so that the progress can be seen."""
    if weights is None or not weights.startswith("IMAGENET1K") or Path(weights).exists():
        return
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights.published import fetch

    fetch(weights, depth or ResNetSpec.depth)
