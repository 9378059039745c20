"""`resnet-export bench check`: did something become slower than it was?"""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resnet_export.cli.options import GroupedCommand, option, removed
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import SHARE
from resnet_export.errors import ResNetExportError, UndecidedError
from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.bench.check.results import CheckReport
    from resnet_export.bench.results import BenchReport

against = partial(option, heading="Check")
LONG_S = 240.0
"""Seconds of a result from which on a longer one would hardly tell more."""


@click.command(
    "check",
    cls=GroupedCommand,
    help="""Hold a result against a baseline, and fail on a regression.

    Both are JSON files that `bench --output` wrote. A case is slower when its time is above the baseline's by more than
    the tolerance, and the 95 % interval of the ratio leaves no doubt that it is above. The time is relative to that of
    the reference network where both were measured with bench --reference, as they should be on a machine whose pace
    changes. A case that the result lacks fails, too.

    Exit code 0: nothing is slower, missing, unmeasured or undecided. 1: something is slower, missing or was not
    measured. 2: an option has an invalid value. 3: a file is no result, has another schema version or nothing in common
    with the other, or the baseline is another machine's. 5: the output cannot be written. 6: nothing is known to be
    slower, but a case can't be told.

    \b
    Examples:
      resnet-export bench resnet18.onnx --reference --output baseline.json
      resnet-export bench check result.json --baseline baseline.json
      resnet-export bench check result.json --baseline baseline.json --tolerance 10% --output check.xml
    """,
    short_help="Hold a result against a baseline.",
)
@click.argument("result", type=click.Path())
@against("--baseline", required=True, type=click.Path(), metavar="FILE", help="An earlier result.")
@against("--tolerance", type=SHARE, default="5%", help="How much slower a case may be.  [default: 5%]")
@against("--other-machine", is_flag=True, help="Take a baseline from another machine.")
@removed("--junit", "--output check.xml")
@output_options("CheckReport")
def check(*, result: str, baseline: str, tolerance: float, other_machine: bool, out: Output) -> None:
    """Checks, prints, and leaves with 1 when something became slower, with 6 when that can't be told."""
    out.refuse(result, baseline)
    from resnet_export.bench.check import check as hold
    from resnet_export.bench.check import read_report

    now, before = read_report(Path(result)), read_report(Path(baseline))
    found = hold(now, before, tolerance, other_machine=other_machine)
    out.show(found)
    if found.failures:
        failed = f"{result} did not pass: {number(len(found.failures), 'case')} failed."
        raise ResNetExportError(failed, hint=_hint(found, now, before))
    if found.undecided:
        undecided = f"{result}: {number(len(found.undecided), 'case')} can't be told."
        raise UndecidedError(undecided, hint=_hint(found, now, before))


def _hint(found: CheckReport, result: BenchReport, baseline: BenchReport) -> str:
    """A command that was not given yet, and would help."""
    if any(case.status in ("missing", "unmeasured") for case in found.failures):
        return f"Measure what the baseline has: {shlex.join(_measure(baseline))}"
    seconds = max(report.budget.seconds for report in (result, baseline))
    old, new = (report.cases[0].case for report in (baseline, result))
    beside = all(case.times.quantity == "relative" for case in (*found.failures, *found.undecided))
    if not beside and seconds < LONG_S:
        command = shlex.join([*_measure(result), "--reference", "--seconds", f"{max(60.0, 2 * seconds):g}"])
        return (
            f"Measure both again, the baseline too, beside a network that never changes: {command} --output FILE.json"
        )
    if old.model.sha256 == new.model.sha256:
        return "It is the same file, so that the machine is another one than then: measure a new baseline."
    older = old.model.path if old.model.path != new.model.path else "OLDER_FILE"
    sides = [f"model={older},runtime={new.runtime}", f"model={new.model.path}"]
    turns = ["resnet-export", "bench", "compare", "--a", sides[0], "--b", sides[1], "--fail-if", "slower"]
    return f"To see whether it is the machine, let both take turns: {shlex.join(turns)}"


def _measure(report: BenchReport) -> list[str]:
    """The command that measures the cases of a result, as far as options tell them apart."""
    cases = [(one.case, one.threads) for one in report.cases]
    words = ["resnet-export", "bench", *dict.fromkeys(case.model.path for case, _ in cases)]
    for runtime in dict.fromkeys(case.runtime for case, _ in cases):
        words += [] if runtime == "ort:cpu" else ["--runtime", runtime]
    batches = ",".join(dict.fromkeys(str(case.batch) for case, _ in cases))
    threads = ",".join(dict.fromkeys(str(count) for _, count in cases))
    return [*words, *([] if batches == "1" else ["--batch", batches]), "--threads", threads]
