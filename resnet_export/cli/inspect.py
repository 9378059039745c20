"""`resnet-export inspect`: what stands in a file, and what tells two apart."""

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options

FAILED = 1
"""A check failed, or two files differ; like diff(1)."""


@click.command(
    cls=GroupedCommand,
    help="""Show what an ONNX file says of itself, and whether that is so.

    Takes any .onnx file. With --diff, what tells two files apart: structure, weights, metadata.

    Exit code 0: all is as the file says, or the two don't differ. 1: it is not, or they do. 3: a file cannot be read.

    \b
    Examples:
      resnet-export inspect resnet18.onnx
      resnet-export inspect resnet18.onnx --diff other.onnx
      resnet-export inspect resnet18.onnx --json
    """,
)
@click.argument("file", type=click.Path())
@option("--diff", "other", heading="Comparison", type=click.Path(), metavar="OTHER", help="The file to compare with.")
@output_options("ModelReport")
def inspect(file: str, other: str | None, out: Output) -> None:
    """Inspects, prints, and leaves with 1 when the file is not as it says, or two files differ."""
    from resnet_export.inspect import diff
    from resnet_export.inspect import inspect as measure

    out.refuse(file, other)
    if other is None:
        report = measure(file)
        out.show(report)
        good = report.passed is not False
    else:
        found = diff(file, other)
        out.show(found)
        good = found.same
    if not good:
        raise click.exceptions.Exit(FAILED)
