"""What `verify` found as JUnit XML, which CI systems show test by test.

One suite for the file, one case for each runtime, kind of inputs and batch. JUnit has no official schema; what is
written is common to those of Jenkins, GitLab and Maven's Surefire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from resnet_export.plain import number, printable
from resnet_export.report.text import located

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.parity.results import RuntimeResult, VerifyReport

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""Attribute of a suite -> the element that it counts."""


def render(report: VerifyReport) -> str:
    """An XML document."""
    cases = list(_cases(report))
    counts = {name: str(sum(case.find(element) is not None for case in cases)) for name, element in OUTCOMES.items()}
    counts = {"tests": str(len(cases)), **counts}
    suites = ET.Element("testsuites", {"name": "resnet-export verify", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": printable(report.file), **counts})
    suite.extend(cases)
    placements = [(result.runtime, result.placement) for result in report.runtimes if result.placement is not None]
    strays = [f"{name}: FALLBACK: {placement.fallback}" for name, placement in placements if placement.fallback]
    told = [*strays, *report.notes, *located(report)]
    if told:
        ET.SubElement(suite, "system-out").text = "\n".join(map(printable, told))
    ET.indent(suites)
    return f"{DECLARATION}{ET.tostring(suites, encoding='unicode')}\n"


def _cases(report: VerifyReport) -> Iterator[ET.Element]:
    for result in report.runtimes:
        yield from _of_runtime(result, report)
    # What is left is about the file itself: its structure, its numbers, its softmax, or that nothing ran it.
    told = {entry.failure for entry in report.comparisons}
    told |= {f"{result.runtime}: {result.reason}" for result in report.runtimes}
    rest = [sentence for sentence in report.failures if sentence not in told]
    yield _case("the file", "contents", "failure" if rest else None, *rest)


def _of_runtime(result: RuntimeResult, report: VerifyReport) -> Iterator[ET.Element]:
    name, reason = result.runtime, result.reason or ""
    if result.status not in ("passed", "failed"):
        outcome = "error" if result.status == "crashed" else "failure" if result.refused else "skipped"
        yield _case(name, "run", outcome, f"{result.status}: {reason}", *([result.hint] if result.hint else []))
        return
    for entry in report.comparisons:
        if entry.runtime == name:
            words = () if entry.passed else (entry.failure or "it did not pass",)
            yield _case(name, _what(entry.inputs, entry.batch), "failure" if words else None, *words)
    for batch in result.batches_left_out:
        yield _case(name, _what("random", batch), "skipped", "not a batch that it takes")


def _what(inputs: str, batch: int) -> str:
    return number(batch, "picture") if inputs == "pictures" else number(batch, f"{inputs} image")


def _case(runtime: str, what: str, outcome: str | None = None, *words: str) -> ET.Element:
    """A case; the first of the words is the message that lists show, and the others are its text."""
    case = ET.Element("testcase", {"classname": printable(runtime), "name": what})
    if outcome is not None:
        told = [printable(word) for word in words]
        ET.SubElement(case, outcome, {"message": told[0]}).text = "\n".join(told[1:]) or None
    return case
