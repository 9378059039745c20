"""`resnet-export quantize`: reduced precision that is proven, or refused."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import COUNT, POINTS, whole
from resnet_export.errors import ResNetExportError, UndecidedError

# Literals: the tables that they repeat stand in modules which import numpy and onnx. A test holds them equal.
TARGETS = ("this-machine", "x86-vnni", "x86-avx2", "arm", "cuda", "tensorrt", "openvino")
RANGES = ("auto", "minmax", "entropy", "percentile-99.99", "percentile-99.999")
PRECISIONS = {"int8": "int8", "fp16": "float16"}
IO = {"fp32": "float32", "fp16": "float16"}

file, calibration, proof = (partial(option, heading=heading) for heading in ("File", "Calibration", "Proof"))


@click.command(
    cls=GroupedCommand,
    help="""Write a network in reduced precision, and prove what it is worth.

    SOURCE is any .onnx file that classifies images, or whatever export takes. The ranges of int8 come from pictures
    such as the network will see. The file is then held against float32, on other pictures, in each runtime that
    computes with integers, and timed.

    Exit code 0: it was written. 1: it is another classifier than float32, or less accurate than --max-drop allows, or
    not faster on this machine. 6: the labelled pictures don't tell. Nothing is left then, unless --keep is given.
    2: pictures are missing, 3: a file can't be used.

    \b
    Examples:
      resnet-export quantize resnet18.onnx --calibrate photos/ -o int8.onnx
      resnet-export quantize my.onnx --calibrate x/ --labelled val/ --max-drop 0.3
      resnet-export quantize mine.onnx --calibrate photos/ --for tensorrt
      resnet-export quantize mine.onnx --precision fp16
    """,
)
@click.argument("source")
@file("--output", "-o", type=click.Path(), metavar="FILE", help="The file's name.  [default: SOURCE-int8.onnx]")
@file("--precision", type=click.Choice(list(PRECISIONS)), default="int8", show_default=True, help="Of its numbers.")
@file("--io", type=click.Choice(list(IO)), default="fp32", show_default=True, help="Input and output of an fp16 file.")
@file(
    "--for",
    "target",
    type=click.Choice(TARGETS),
    metavar="TARGET",
    default=TARGETS[0],
    help=f"Where it will run: {', '.join(TARGETS)}.  [default: {TARGETS[0]}]",
)
@file("--keep-float", multiple=True, metavar="NAME", help="A layer that stays in float32; may be repeated.")
@file("--recipe", type=click.Path(), metavar="FILE", help="Do as for this quantised file, or this report.")
@calibration(
    "--calibrate", type=click.Path(), multiple=True, metavar="DATA", help="Pictures: a folder, a pattern, an .npz."
)
@calibration("--calibrate-random", is_flag=True, help="Take random numbers for pictures. The file is marked.")
@calibration("--samples", type=COUNT, default=256, show_default=True, help="Pictures that the ranges come from.")
@calibration("--seed", type=whole(0), default=0, show_default=True, help="Chooses them.")
@calibration(
    "--ranges",
    type=click.Choice(RANGES),
    metavar="METHOD",
    default=RANGES[0],
    help=f"How ranges are chosen: {', '.join(RANGES)}.  [default: {RANGES[0]}]",
)
@proof("--labelled", type=click.Path(), metavar="DATA", help="Labelled pictures, as evaluate takes them.")
@proof("--max-drop", type=POINTS, help="Points of accuracy that it may lose on these: 0.3 or 0.3%.")
@proof("--seconds", type=whole(5), default=20, show_default=True, help="Time of each comparison of latencies.")
@proof("--keep", is_flag=True, help="Write the file also where it is refused. The file is marked.")
@output_options("QuantizeReport", files="--report", verbose="Show the stages, and what is printed meanwhile.")
def quantize(source: str, output: str | None, calibrate: tuple[str, ...], out: Output, **options: Any) -> None:
    """Quantises, prints the report, and leaves with the code of a refusal."""
    target = output or f"{Path(source).stem}-{options['precision']}.onnx"
    out.refuse(source, target, options["labelled"], options["recipe"], *calibrate)
    options["precision"], options["io"] = PRECISIONS[options["precision"]], IO[options["io"]]
    with out.progress() as progress:
        from resnet_export.quantization.job import quantize as make

        report = make(source, target, calibrate=calibrate or None, force=out.force, progress=progress, **options)
    out.show(report)
    left = "" if report.written else f" {report.path} was not written."
    if report.failures:
        ways = [] if report.written else ["--keep to write it all the same"]
        ways += ["--keep-float NAME"] if report.quantised else []
        hint = f"Give {', or '.join(ways)}." if ways else None
        raise ResNetExportError(f"{' '.join(report.failures)}{left}", hint=hint)
    if report.undecided is not None:
        raise UndecidedError(f"{report.undecided}{left}", hint="Give more labelled pictures, or another --max-drop.")
