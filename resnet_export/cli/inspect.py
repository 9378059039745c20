"""`resnet-export inspect`: what stands in a file, and what tells two apart."""

from __future__ import annotations

import click

from resnet_export.cli.options import GroupedCommand, option

FAILED = 1
"""A check failed, or two files differ; like diff(1)."""

OUTPUT = "Output"


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
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("file", type=click.Path())
@option("--diff", "other", heading="Comparison", type=click.Path(), metavar="OTHER", help="The file to compare with.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print one JSON object.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def inspect(context: click.Context, /, file: str, other: str | None, *, as_json: bool, debug: bool) -> None:
    """Inspects."""
    from resnet_export.cli.failing import reported
    from resnet_export.cli.output import say

    with reported(debug=debug):
        rendered, good = _inspected(file, as_json=as_json) if other is None else _compared(file, other, as_json=as_json)
        say(rendered)
    context.exit(0 if good else FAILED)


def _inspected(file: str, *, as_json: bool) -> tuple[str, bool]:
    """(the text to print, whether the file is as it says)."""
    from resnet_export.inspect import inspect as measure
    from resnet_export.inspect.text import render

    report = measure(file)
    return _as_json(report.as_dict()) if as_json else render(report), report.passed is not False


def _compared(first: str, second: str, *, as_json: bool) -> tuple[str, bool]:
    """(the text to print, whether the files are the same)."""
    from resnet_export.inspect import diff
    from resnet_export.inspect.text import render_diff

    found = diff(first, second)
    return _as_json(found.as_dict()) if as_json else render_diff(found), found.same


def _as_json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, allow_nan=False)
