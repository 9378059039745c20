"""`resnet-export doctor`: what runs here, what doesn't, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from resnet_export.cli.options import GroupedCommand, option

if TYPE_CHECKING:
    from resnet_export.doctor import DoctorReport
    from resnet_export.errors import UnavailableError

CHECK, OUTPUT = "Check", "Output"


@click.command(
    cls=GroupedCommand,
    help="""Tell what runs on this machine, what doesn't, and why.

    It names the CPU, GPUs and limits, the installed packages beside the tested ones, and checks every runtime.
    Paste it into a bug report.

    \b
    Examples:
      resnet-export doctor
      resnet-export doctor --require ort:cuda
      resnet-export doctor --json
    """,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@option(
    "--require",
    heading=CHECK,
    multiple=True,
    metavar="RUNTIME",
    help="Exit with 5 when it does not run here. Give it once for each.",
)
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the findings as one JSON object.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def doctor(require: tuple[str, ...], as_json: bool, debug: bool) -> None:
    """Diagnoses, prints, and leaves with 5 when something has to be done."""
    from resnet_export.cli.failing import reported
    from resnet_export.cli.output import say
    from resnet_export.cli.progress import Progress

    with reported(debug=debug):
        from resnet_export.doctor import diagnose

        with Progress(sys.stderr)("check"):
            report = diagnose(require)
        say(_as_json(report) if as_json else _as_text(report))
        if not report.passed:
            raise _refusal(report)


def _as_json(report: DoctorReport) -> str:
    import json

    return json.dumps(report.as_dict(), indent=2)


def _as_text(report: DoctorReport) -> str:
    from resnet_export.doctor import text

    return text.render(report)


def _refusal(report: DoctorReport) -> UnavailableError:
    """What has to be done, as an error."""
    from resnet_export.errors import UnavailableError

    found = [(problem.what, "\n".join(problem.cure)) for problem in report.problems]
    found += [(f"{check.name} does not run here: {check.detail}", check.hint or "") for check in report.lacking]
    return UnavailableError(
        "\n".join(what for what, _ in found), hint="\n".join(cure for _, cure in found if cure) or None
    )
