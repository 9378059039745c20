"""JUnit XML, which CI systems show test by test.

It has no official schema; what is written is common to those of Jenkins, GitLab and Maven's Surefire.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from resnet_export.terminal import printable

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""Attribute of a suite -> the element that it counts."""


Outcome = Literal["failure", "error", "skipped"]


@dataclass(frozen=True)
class Case:
    """A test case."""

    group: str
    """Cases of one group are shown together; it stands for the class of a unit test."""
    name: str
    outcome: Outcome | None = None
    """None when it passed."""
    message: str = ""
    """The line that lists show; of a case that passed it goes to the output."""
    details: tuple[str, ...] = ()
    """More lines."""
    kind: str | None = None
    """The kind of the failure."""
    seconds: float | None = None


def render(command: str, suite: str, cases: Iterable[Case], output: Iterable[str] = ()) -> str:
    """An XML document of a command with one suite, which has the name of a file, and lines about the whole of it."""
    elements = [_element(case) for case in cases]
    counts = {name: str(sum(one.find(tag) is not None for one in elements)) for name, tag in OUTCOMES.items()}
    counts = {"tests": str(len(elements)), **counts}
    suites = ET.Element("testsuites", {"name": command, **counts})
    inner = ET.SubElement(suites, "testsuite", {"name": printable(suite), **counts})
    inner.extend(elements)
    _output(inner, output)
    ET.indent(suites)
    return f"{DECLARATION}{ET.tostring(suites, encoding='unicode')}\n"


def _element(case: Case) -> ET.Element:
    element = ET.Element("testcase", {"classname": printable(case.group), "name": printable(case.name)})
    if case.seconds is not None:
        element.set("time", f"{case.seconds:.6f}")
    if case.outcome is None:
        _output(element, [case.message] if case.message else [])
    else:
        kind = {} if case.kind is None else {"type": case.kind}
        child = ET.SubElement(element, case.outcome, {**kind, "message": printable(case.message)})
        child.text = "\n".join(map(printable, case.details)) or None
    return element


def _output(parent: ET.Element, lines: Iterable[str]) -> None:
    text = "\n".join(map(printable, lines))
    if text:
        ET.SubElement(parent, "system-out").text = text
