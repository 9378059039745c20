"""What `bench check` found for a person at a terminal: plain text, a line for each case."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resnet_export.plain import number, printable, table, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.bench.check.checked import Checked, CheckReport

HEADING = ("", "baseline", "result", "ratio", "95 % interval", "")
LEFT = (0, 5)
"""Columns that are aligned to the left."""
WORDS = {
    "same": "",
    "slower": "SLOWER",
    "faster": "faster",
    "unmeasured": "NOT MEASURED",
    "unsupported": "CAN'T BE TOLD",
    "unchecked": "not checked",
    "missing": "MISSING",
    "new": "new",
}
UNITS = {"relative": "x reference", "p50": "ms", "image": "ms/image"}
"""Of what is compared."""


def render(report: CheckReport) -> str:
    """Each case with its numbers, what has to be known of them, and the outcome."""
    rows = [(str(count), *_cells(case)) for count, case in enumerate(report.cases, 1)]
    heading, *lines = table([HEADING, *rows], LEFT)
    cases = [heading]
    for line, case in zip(lines, report.cases, strict=True):
        cases += [line, *wrapped(printable(case.label), "     ")]
        if case.reason is not None:
            cases += wrapped(printable(case.reason), "     ")
    notes = [line for note in report.notes for line in wrapped(printable(note), "  ")]
    blocks = [cases, notes, list(_outcome(report))]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _cells(case: Checked) -> tuple[str, ...]:
    unit = UNITS[case.quantity]
    times = (case.baseline, case.result)
    interval = "" if case.low is None or case.high is None else f"[{case.low:.3f} {case.high:.3f}]"
    return (
        *("-" if time is None else f"{time:.4g} {unit}" for time in times),
        "-" if case.ratio is None else f"{case.ratio:.3f}",
        interval,
        WORDS[case.status],
    )


def _outcome(report: CheckReport) -> Iterator[str]:
    tolerance = f"{report.tolerance * 100:g} %"
    if report.passed:
        yield f"Passed: nothing is shown to be slower by more than {tolerance}."
        return
    counts = Counter(case.status for case in report.failures)
    slower, missing = counts.pop("slower", 0), counts.pop("missing", 0)
    told = [f"{number(slower, 'case')} slower by more than {tolerance}"] if slower else []
    told += [f"{number(missing, 'case')} that the result does not have"] if missing else []
    told += [f"{number(counts.total(), 'case')} that can't be told"] if counts else []
    yield from wrapped(f"Failed: {', '.join(told)}.")
