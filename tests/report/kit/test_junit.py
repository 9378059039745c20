from __future__ import annotations

from xml.etree import ElementTree as ET

from resnet_export.report.kit.junit import Case, render

CASES = [
    Case("bench", "good", message="same: 8 ms", seconds=0.008),
    Case("bench", "bad", "failure", "slower: 9 ms", ("more\x1b[0m",), kind="slower"),
    Case("bench", "crash", "error", "crashed"),
    Case("bench", "new", "skipped", "not in the baseline"),
]


def test_outcomes_are_counted_and_told() -> None:
    suites = ET.fromstring(render("resnet-export check", "a<b>.json", CASES, ["note"]))
    (suite,) = suites
    for element in (suites, suite):
        assert {name: element.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
            "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
        }  # fmt: skip
    assert (suites.get("name"), suite.get("name")) == ("resnet-export check", "a<b>.json")
    good, bad, *_ = suite
    assert (good.get("time"), good.findtext("system-out")) == ("0.008000", "same: 8 ms")
    (failure,) = bad
    assert (failure.tag, failure.get("type"), failure.get("message"), failure.text) == (
        "failure", "slower", "slower: 9 ms", "more",
    )  # fmt: skip
    assert suite.findtext("system-out") == "note"
