"""What `bench check` found as JUnit XML, which CI systems show test by test: one suite, one case for each of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from resnet_export.plain import printable
from resnet_export.report.figures import digits, interval
from resnet_export.report.junit import DECLARATION, OUTCOMES

if TYPE_CHECKING:
    from resnet_export.bench.check.checked import Checked, CheckReport, Status

SKIPPED: dict[Status, str] = {"new": "not in the baseline", "unchecked": "not checked"}
"""Neither passed nor failed -> why, where the case doesn't say."""


def render(report: CheckReport, name: str) -> str:
    """An XML document; `name` is that of the result."""
    cases = [_case(case) for case in report.cases]
    counts = {key: str(sum(case.find(element) is not None for case in cases)) for key, element in OUTCOMES.items()}
    counts = {"tests": str(len(cases)), **counts}
    suites = ET.Element("testsuites", {"name": "resnet-export bench check", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": printable(name), **counts})
    suite.extend(cases)
    if report.notes:
        ET.SubElement(suite, "system-out").text = "\n".join(map(printable, report.notes))
    ET.indent(suites)
    return f"{DECLARATION}{ET.tostring(suites, encoding='unicode')}\n"


def _case(checked: Checked) -> ET.Element:
    case = ET.Element("testcase", {"classname": "bench", "name": printable(checked.label)})
    if checked.result_ms is not None:
        case.set("time", f"{checked.result_ms / 1e3:.6f}")
    message = printable(_message(checked))
    if checked.failed or checked.status == "undecided":
        ET.SubElement(case, "failure", {"type": checked.status, "message": message})
    elif checked.status in SKIPPED:
        ET.SubElement(case, "skipped", {"message": printable(checked.reason or SKIPPED[checked.status])})
    else:
        ET.SubElement(case, "system-out").text = message
    return case


def _message(checked: Checked) -> str:
    """`slower: 9.10 ms, 8.05 ms in the baseline, ratio 1.130 [1.121 1.139]`."""
    told: list[str] = []
    if checked.result_ms is not None:
        told.append(f"{digits(checked.result_ms)} ms")
    if checked.baseline_ms is not None:
        told.append(f"{digits(checked.baseline_ms)} ms in the baseline")
    ratio = checked.ratio
    if ratio is not None:
        of = " of the times relative to the reference network" if checked.quantity == "relative" else ""
        told.append(f"ratio{of} {ratio.value:.3f} {interval(ratio)}")
    told += [] if checked.reason is None else [checked.reason]
    return f"{checked.status}: {', '.join(told)}" if told else checked.status
