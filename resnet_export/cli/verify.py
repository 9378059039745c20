"""`resnet-export verify`: is a file the network that it says it is, in every runtime that is here?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resnet_export.cli.options import GroupedCommand, RuntimeName, option

if TYPE_CHECKING:
    from resnet_export.parity.results import VerifyReport

CHECK, OUTPUT = "Check", "Output"


@click.command(
    cls=GroupedCommand,
    help="""Check that an ONNX file is the network that it says it is.

    Every runtime that is installed here runs it, and each is held against the network in float64.
    Takes any .onnx file that classifies images, whoever wrote it.

    Exit code 0: it passed. 1: it failed. 3: a file cannot be used. With --runtime also 1: that runtime cannot run the
    file, 4: it is not installed, 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export verify resnet18.onnx
      resnet-export verify resnet18.onnx --runtime ort:cpu --images photos/
      resnet-export verify resnet18.onnx --runtime openvino,precision=bfloat16
      resnet-export verify other.onnx --weights checkpoint.pth --html why.html
    """,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("file", type=click.Path())
@option(
    "--runtime",
    "runtimes",
    heading=CHECK,
    multiple=True,
    type=RuntimeName(),
    metavar="NAME[,OPTION=VALUE...]",
    help="Run it here. Give it once for each.  [default: all that are installed]",
)
@option(
    "--weights",
    heading=CHECK,
    type=click.Path(),
    metavar="CHECKPOINT",
    help="That the file should hold.",
)
@option(
    "--images",
    heading=CHECK,
    type=click.Path(),
    metavar="FOLDER",
    help="Check on these pictures too, beside random input.",
)
@option("--allow-fallback", heading=CHECK, is_flag=True, help="Go on where nodes run elsewhere than asked for.")
@option("--bisect", heading=CHECK, is_flag=True, help="Show the error layer by layer, even when nothing failed.")
@option("--html", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write a page with the error layer by layer.")
@option("--junit", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write JUnit XML, for CI.")
@option("--force", heading=OUTPUT, is_flag=True, help="Replace these files where they exist.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the findings as one JSON object.")
@option("--verbose", "-v", heading=OUTPUT, is_flag=True, help="Show the stages, and what is printed meanwhile.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def verify(
    *,
    file: str,
    runtimes: tuple[str, ...],
    weights: str | None,
    images: str | None,
    allow_fallback: bool,
    bisect: bool,
    html: str | None,
    junit: str | None,
    force: bool,
    as_json: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Verifies, prints, and leaves with 1 when the check failed."""
    from resnet_export.cli.chatter import held_back
    from resnet_export.cli.failing import reported
    from resnet_export.cli.memory import return_freed
    from resnet_export.cli.output import refuse_outputs, say, write
    from resnet_export.cli.progress import Progress
    from resnet_export.errors import ParityError
    from resnet_export.plain import number

    return_freed()
    with reported(debug=debug):
        refuse_outputs([file, *filter(None, [weights])], {"--html": html, "--junit": junit}, force=force)
        with held_back(verbose=verbose) as stderr:
            from resnet_export.parity.verify import verify as check

            report = check(
                file,
                weights=weights,
                images=images,
                runtimes=tuple(dict.fromkeys(runtimes)) or None,
                allow_fallback=allow_fallback,
                bisect=bisect or html is not None,
                progress=Progress(stderr, verbose=verbose),
            )
        say(_as_json(report) if as_json else _as_text(report, layers=bisect))
        for path, render in ((html, _as_html), (junit, _as_junit)):
            if path is not None:
                write(path, render(report))
        if not report.passed:
            raise ParityError(f"{file} did not pass: {number(len(report.failures), 'check')} failed.")


def _as_json(report: VerifyReport) -> str:
    from resnet_export.report import json

    return json.render(report)


def _as_text(report: VerifyReport, *, layers: bool) -> str:
    from resnet_export.report import verify_text

    return verify_text.render(report, layers=layers)


def _as_html(report: VerifyReport) -> str:
    from resnet_export.report import html

    return html.render(report)


def _as_junit(report: VerifyReport) -> str:
    from resnet_export.report import junit

    return junit.render(report)
