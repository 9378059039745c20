"""What `bench check` found: as text of 80 columns, a line for each case, and as JUnit XML, a test case for each."""

from collections import Counter
from collections.abc import Iterator

from resnet_export.bench.check.results import Checked, CheckReport, Status
from resnet_export.report.bench.words import digits, interval
from resnet_export.report.kit import junit
from resnet_export.terminal import Row, blocks, number, printable, table, wrapped

HEADING = ("", "baseline ms", "result ms", "ratio", "95 % interval", "")
LEFT = (0, 5)
"""Columns that are aligned to the left."""
WORDS: dict[Status, str] = {
    "same": "",
    "slower": "SLOWER",
    "faster": "faster",
    "unmeasured": "NOT MEASURED",
    "undecided": "CAN'T TELL",
    "unchecked": "not checked",
    "missing": "MISSING",
    "new": "new",
}
SKIPPED: dict[Status, str] = {"new": "not in the baseline", "unchecked": "not checked"}
"""Neither passed nor failed -> why, where the case does not say."""
RELATIVE = "Case {}: the ratio is that of the times relative to the reference network."


def as_text(report: CheckReport) -> str:
    """Each case with its numbers, what has to be known of them, and the outcome."""
    rows = [
        Row((str(count), *_cells(case)), [case.label, *([] if case.reason is None else [case.reason])])
        for count, case in enumerate(report.cases, 1)
    ]
    notes = [line for note in report.notes for line in wrapped(printable(note), "  ")]
    return blocks(table(HEADING, rows, left=LEFT), notes, _outcome(report))


def as_junit(report: CheckReport) -> str:
    """An XML document with one suite."""
    return junit.render("resnet-export bench check", "bench check", map(_test_case, report.cases), report.notes)


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


def _test_case(checked: Checked) -> junit.Case:
    seconds = None if checked.result_ms is None else checked.result_ms / 1e3
    if checked.failed or checked.status == "undecided":
        return junit.Case("bench", checked.label, "failure", _message(checked), kind=checked.status, seconds=seconds)
    if checked.status in SKIPPED:
        reason = checked.reason or SKIPPED[checked.status]
        return junit.Case("bench", checked.label, "skipped", reason, seconds=seconds)
    return junit.Case("bench", checked.label, message=_message(checked), seconds=seconds)


def _message(checked: Checked) -> str:
    """`slower: 9.10 ms, 8.05 ms in the baseline, ratio 1.130 [1.121 1.139]`."""
    ratio = checked.times.ratio
    of = " of the times relative to the reference network" if checked.times.quantity == "relative" else ""
    told = (
        None if checked.result_ms is None else f"{digits(checked.result_ms)} ms",
        None if checked.baseline_ms is None else f"{digits(checked.baseline_ms)} ms in the baseline",
        None if ratio is None else f"ratio{of} {ratio.value:.3f} {interval(ratio)}",
        checked.reason,
    )
    return ": ".join(filter(None, [checked.status, ", ".join(filter(None, told))]))
