"""What `bench check` found as JUnit XML: one suite, a test case for each of ours."""

from resnet_export.bench.check.results import Checked, CheckReport, Status
from resnet_export.report.bench.words import digits, interval
from resnet_export.report.kit import junit

SKIPPED: dict[Status, str] = {"new": "not in the baseline", "unchecked": "not checked"}
"""Neither passed nor failed -> why, where the case does not say."""


def render(report: CheckReport) -> str:
    """An XML document."""
    return junit.render("resnet-export bench check", "bench check", map(_case, report.cases), report.notes)


def _case(checked: Checked) -> junit.Case:
    seconds = None if checked.result_ms is None else checked.result_ms / 1e3
    message = _message(checked)
    if checked.failed or checked.status == "undecided":
        return junit.Case("bench", checked.label, "failure", message, kind=checked.status, seconds=seconds)
    if checked.status in SKIPPED:
        reason = checked.reason or SKIPPED[checked.status]
        return junit.Case("bench", checked.label, "skipped", reason, seconds=seconds)
    return junit.Case("bench", checked.label, message=message, seconds=seconds)


def _message(checked: Checked) -> str:
    """`slower: 9.10 ms, 8.05 ms in the baseline, ratio 1.130 [1.121 1.139]`."""
    told: list[str] = []
    if checked.result_ms is not None:
        told.append(f"{digits(checked.result_ms)} ms")
    if checked.baseline_ms is not None:
        told.append(f"{digits(checked.baseline_ms)} ms in the baseline")
    ratio = checked.times.ratio
    if ratio is not None:
        of = " of the times relative to the reference network" if checked.times.quantity == "relative" else ""
        told.append(f"ratio{of} {ratio.value:.3f} {interval(ratio)}")
    told += [] if checked.reason is None else [checked.reason]
    return f"{checked.status}: {', '.join(told)}" if told else checked.status
