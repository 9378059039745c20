"""What `bench check` found for a person at a terminal: plain text, a line for each case."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resnet_export.plain import number, printable, table, wrapped
from resnet_export.report.figures import digits, interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.bench.check.checked import Checked, CheckReport

HEADING = ("", "baseline ms", "result ms", "ratio", "95 % interval", "")
LEFT = (0, 5)
"""Columns that are aligned to the left."""
WORDS = {
    "same": "",
    "slower": "SLOWER",
    "faster": "faster",
    "unmeasured": "NOT MEASURED",
    "undecided": "CAN'T TELL",
    "unchecked": "not checked",
    "missing": "MISSING",
    "new": "new",
}
RELATIVE = "Case {}: the ratio is that of the times relative to the reference network."


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
    times = (case.baseline_ms, case.result_ms)
    ratio = case.ratio
    return (
        *("-" if time is None else digits(time) for time in times),
        *(("-", "") if ratio is None else (f"{ratio.value:.3f}", interval(ratio))),
        WORDS[case.status],
    )


def _outcome(report: CheckReport) -> Iterator[str]:
    tolerance = f"{report.tolerance * 100:g} %"
    beside = [str(count) for count, case in enumerate(report.cases, 1) if case.quantity == "relative" and case.ratio]
    if beside:
        yield from wrapped(RELATIVE.format(" and ".join(beside) if len(beside) < 3 else f"{beside[0]} to {beside[-1]}"))
    if report.passed:
        yield f"Passed: nothing is slower by more than {tolerance}."
        return
    counts = Counter(case.status for case in report.failures)
    told = [f"{number(counts['slower'], 'case')} slower by more than {tolerance}"] if counts["slower"] else []
    told += [f"{number(counts['missing'], 'case')} that the result does not have"] if counts["missing"] else []
    told += [f"{number(counts['unmeasured'], 'case')} that was not measured"] if counts["unmeasured"] else []
    told += [f"{number(len(report.undecided), 'case')} that can't be told"] if report.undecided else []
    outcome = "Failed" if report.failures else "Can't tell"
    yield from wrapped(f"{outcome}: {', '.join(told)}.")
