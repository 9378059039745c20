"""`resnet-export doctor`: what runs here, what doesn't, and why."""

import sys

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.progress import Progress
from resnet_export.errors import UnavailableError


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
)
@option(
    "--require",
    heading="Check",
    multiple=True,
    metavar="RUNTIME",
    help="Exit with 5 when it does not run here. Give it once for each.",
)
@output_options("DoctorReport")
def doctor(require: tuple[str, ...], out: Output) -> None:
    """Diagnoses, prints, and leaves with 5 when something has to be done."""
    from resnet_export.doctor import diagnose

    out.refuse()
    with Progress(sys.stderr)("check"):
        report = diagnose(require)
    out.show(report)
    if not report.passed:
        found = [(problem.what, "\n".join(problem.cure)) for problem in report.problems]
        found += [(f"{check.name} does not run here: {check.detail}", check.hint or "") for check in report.lacking]
        raise UnavailableError(
            "\n".join(what for what, _ in found), hint="\n".join(cure for _, cure in found if cure) or None
        )
