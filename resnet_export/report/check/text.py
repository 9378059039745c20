"""What `bench check` found for a person at a terminal: plain text, a line for each case."""

from collections import Counter
from collections.abc import Iterator

from resnet_export.bench.check.results import Checked, CheckReport, Status
from resnet_export.report.bench.words import digits, interval
from resnet_export.terminal import Row, blocks, number, printable, table, wrapped

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
    rows = [
        Row((str(count), *_cells(case)), [case.label, *([] if case.reason is None else [case.reason])])
        for count, case in enumerate(report.cases, 1)
    ]
    notes = [line for note in report.notes for line in wrapped(printable(note), "  ")]
    return blocks(table(HEADING, rows, left=LEFT), notes, _outcome(report))


def _cells(case: Checked) -> tuple[str, ...]:
    ratio = case.times.ratio
    return (
        *("-" if time is None else digits(time) for time in (case.baseline_ms, case.result_ms)),
        *(("-", "") if ratio is None else (f"{ratio.value:.3f}", interval(ratio))),
        WORDS[case.status],
    )


def _outcome(report: CheckReport) -> Iterator[str]:
    tolerance = f"{report.tolerance * 100:g} %"
    relative = (one.times.quantity == "relative" and one.times.ratio is not None for one in report.cases)
    beside = [str(count) for count, is_relative in enumerate(relative, 1) if is_relative]
    if beside:
        yield from wrapped(RELATIVE.format(" and ".join(beside) if len(beside) < 3 else f"{beside[0]} to {beside[-1]}"))
    if report.passed:
        yield f"Passed: nothing is slower by more than {tolerance}."
        return
    words: dict[Status, str] = {
        "slower": f"slower by more than {tolerance}",
        "missing": "that the result does not have",
        "unmeasured": "that was not measured",
        "undecided": "that can't be told",
    }
    counts = Counter(case.status for case in report.cases)
    told = [f"{number(counts[status], 'case')} {how}" for status, how in words.items() if counts[status]]
    outcome = "Failed" if report.failures else "Can't tell"
    yield from wrapped(f"{outcome}: {', '.join(told)}.")
