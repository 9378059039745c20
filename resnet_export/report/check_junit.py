"""What `bench check` found as JUnit XML, which CI systems show test by test: one suite, one case for each of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from resnet_export.plain import printable
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
    told: str = checked.status
    if checked.ratio is not None:
        told = f"{told}: {checked.ratio:.3f} [{checked.low:.3f} {checked.high:.3f}] of the baseline's time"
    if checked.reason is not None:
        told = f"{told}: {checked.reason}"
    if checked.failed:
        ET.SubElement(case, "failure" if checked.status == "slower" else "error", {"message": printable(told)})
    elif checked.status in SKIPPED:
        ET.SubElement(case, "skipped", {"message": printable(checked.reason or SKIPPED[checked.status])})
    else:
        ET.SubElement(case, "system-out").text = printable(told)
    return case
