from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from resnet_export.bench.check import check
from resnet_export.bench.estimate import Estimate
from resnet_export.report.check.junit import render
from tests.report.bench.examples import replaced
from tests.report.check.examples import case, failed, report

BASELINE = report(case(20.0, 1), case(case__batch=8))


def test_a_test_case_for_each() -> None:
    found = check(report(case(22.0, 2), failed(case__batch=8), case(case__batch=2)), BASELINE)
    (suite,) = ET.fromstring(render(found))
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    slower, died = suite.findall("testcase/failure")
    message = r"slower: 2\d\.\d+ ms, \d+\.\d+ ms in the baseline, ratio 1\.\d+ \[1\.\d+ 1\.\d+\]"
    assert re.fullmatch(message, str(slower.get("message")))
    assert (slower.get("type"), died.get("type")) == ("slower", "unmeasured")
    first = suite.find("testcase")
    assert first is not None
    assert float(str(first.get("time"))) == pytest.approx(0.022, rel=0.02), "seconds"


def test_it_says_why_a_ratio_does_not_tell() -> None:
    now = case(22.0, 2)
    assert now.measured is not None
    wide = replaced(now.measured.main, latency_ms__p50=Estimate(22.0, 15.0, 30.0))
    found = check(report(replaced(now, measured__series=(wide,)), case(case__batch=8)), BASELINE)
    failure = ET.fromstring(render(found)).find("*/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "undecided"
    message = r"undecided: 2\d\.\d+ ms, .* ratio 1\.\d+ \[.*\], the interval of the ratio is too wide: .*"
    assert re.fullmatch(message, str(failure.get("message")))
