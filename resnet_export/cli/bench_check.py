"""`resnet-export bench check`: did something become slower than it was?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resnet_export.cli.numbers import Share
from resnet_export.cli.options import GroupedCommand, option, same_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.check.checked import CheckReport

CHECK, OUTPUT = "Check", "Output"
LONG_S = 240.0
"""Seconds of a result from which on a longer one would hardly tell more."""


@click.command(
    "check",
    cls=GroupedCommand,
    help="""Hold a result against a baseline, and fail on a regression.

    Both are files that `bench --output` wrote. A case is slower when its time is above the baseline's by more than the
    tolerance, and the 95 % interval of the ratio leaves no doubt that it is above. The time is relative to that of the
    reference network where both were measured with bench --reference, as they should be on a machine whose pace
    changes. A case that the result lacks fails, too.

    Exit code 0: nothing is slower. 1: something is, or is missing. 2: an option has an invalid value. 3: a file is no
    result, has another schema version or nothing in common with the other, or the baseline is another machine's. 5: the
    output cannot be written. 6: nothing is known to be slower, but a case can't be told.

    \b
    Examples:
      resnet-export bench resnet18.onnx --reference --output baseline.json
      resnet-export bench check result.json --baseline baseline.json
      resnet-export bench check result.json --baseline baseline.json --tolerance 10%
    """,
    short_help="Hold a result against a baseline.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("result", type=click.Path())
@option("--baseline", heading=CHECK, required=True, type=click.Path(), metavar="FILE", help="An earlier result.")
@option(
    "--tolerance",
    heading=CHECK,
    type=Share(),
    default="5%",
    metavar="SHARE",
    help="That a case may be slower by.  [default: 5%]",
)
@option("--other-machine", heading=CHECK, is_flag=True, help="Take a baseline from another machine.")
@option("--junit", heading=OUTPUT, type=click.Path(), metavar="FILE", help="Write JUnit XML, for CI.")
@option("--force", heading=OUTPUT, is_flag=True, help="Replace it where it exists.")
@option("--json", "as_json", heading=OUTPUT, is_flag=True, help="Print the findings as one JSON object.")
@option("--debug", heading=OUTPUT, is_flag=True, help="Show the traceback of an error.")
def check(
    *,
    result: str,
    baseline: str,
    tolerance: float,
    other_machine: bool,
    junit: str | None,
    force: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Checks, prints, and leaves with 1 when something became slower, with 6 when that can't be told."""
    from resnet_export.cli.failing import reported
    from resnet_export.cli.output import say, write
    from resnet_export.errors import ResNetExportError, UndecidedError, UsageError
    from resnet_export.files import refuse_overwriting
    from resnet_export.plain import number
    from resnet_export.report.json import render_line

    with reported(debug=debug):
        if junit is not None:
            if any(same_file(junit, other) for other in (result, baseline)):
                raise UsageError(f"--junit {junit} would replace another file.", hint="Give it another name.")
            refuse_overwriting(junit, force=force, option="--junit")
        from resnet_export.bench.check import check as hold

        now, before = _read(result), _read(baseline)
        found = hold(now, before, tolerance, other_machine=other_machine)
        say(render_line(found) if as_json else _as_text(found))
        if junit is not None:
            write(junit, _as_junit(found, result))
        if found.failures:
            raise ResNetExportError(
                f"{result} did not pass: {number(len(found.failures), 'case')} failed.", hint=_hint(found, now, before)
            )
        if found.undecided:
            raise UndecidedError(
                f"{result}: {number(len(found.undecided), 'case')} can't be told.", hint=_hint(found, now, before)
            )


def _hint(found: CheckReport, result: Mapping[str, Any], baseline: Mapping[str, Any]) -> str:
    """A command that was not given yet, and would help."""
    if any(case.status in ("missing", "unmeasured") for case in found.failures):
        return f"Measure what the baseline has: {shlex.join(_measure(baseline))}"
    seconds = max(float((data.get("budget") or {}).get("seconds") or 0) for data in (result, baseline))
    old, new = (data["cases"][0] for data in (baseline, result))
    beside = all(case.quantity == "relative" for case in (*found.failures, *found.undecided))
    if not beside and seconds < LONG_S:
        command = shlex.join([*_measure(result), "--reference", "--seconds", f"{max(60.0, 2 * seconds):g}"])
        return f"Measure both again, the baseline too, beside a network that never changes: {command} --output FILE"
    if old["sha256"] == new["sha256"]:
        return "It is the same file, so that the machine is another one than then: measure a new baseline."
    older = old["model"] if old["model"] != new["model"] else "OLDER_FILE"
    sides = [f"model={older},runtime={new['runtime']}", f"model={new['model']}"]
    turns = ["resnet-export", "bench", "compare", "--a", sides[0], "--b", sides[1], "--fail-if", "slower"]
    return f"To see whether it is the machine, let both take turns: {shlex.join(turns)}"


def _measure(data: Mapping[str, Any]) -> list[str]:
    """The command that measures the cases of a result, as far as options tell them apart."""
    cases = data["cases"]
    words = ["resnet-export", "bench", *dict.fromkeys(case["model"] for case in cases)]
    for runtime in dict.fromkeys(case["runtime"] for case in cases):
        words += [] if runtime == "ort:cpu" else ["--runtime", runtime]
    batches, threads = (",".join(dict.fromkeys(str(case[key]) for case in cases)) for key in ("batch", "threads"))
    return [*words, *([] if batches == "1" else ["--batch", batches]), "--threads", threads]


def _read(path: str) -> Any:
    """The JSON in a file."""
    import json

    from resnet_export.errors import InputError

    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", hint="Give what `bench --output` wrote.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Give a file that can.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON.", hint="Give what `bench --output` wrote.") from error


def _as_text(found: CheckReport) -> str:
    from resnet_export.report import check_text

    return check_text.render(found)


def _as_junit(found: CheckReport, name: str) -> str:
    from resnet_export.report import check_junit

    return check_junit.render(found, name)
