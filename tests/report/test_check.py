from __future__ import annotations

import re
from typing import get_args
from xml.etree import ElementTree as ET

import pytest

from resnet_export.bench.check import check
from resnet_export.bench.check.results import Status
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.scenarios import make_scenario
from resnet_export.report.check import WORDS, as_junit, as_text
from tests.report.bench.examples import replaced
from tests.report.checked import case, failed, report

BASELINE = report(case(20.0, 1), case(case__batch=8))


def test_a_test_case_for_each() -> None:
    found = check(report(case(22.0, 2), failed(case__batch=8), case(case__batch=2)), BASELINE)
    (suite,) = ET.fromstring(as_junit(found))
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
    failure = ET.fromstring(as_junit(found)).find("*/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "undecided"
    message = r"undecided: 2\d\.\d+ ms, .* ratio 1\.\d+ \[.*\], the interval of the ratio is too wide: .*"
    assert re.fullmatch(message, str(failure.get("message")))


def test_every_kind() -> None:
    searched = make_scenario("server", slo_p99_ms=50.0)
    before = [case(20.0, case__runtime=name) for name in ("same", "slower", "faster", "crashed", "short")]
    baseline = report(*before, case(20.0, case__scenario=searched), case(20.0, case__runtime="gone"))
    now = report(
        case(20.0, 1, case__runtime="same"),
        case(25.0, 1, case__runtime="slower"),
        case(15.0, 1, case__runtime="faster"),
        failed(case__runtime="crashed"),
        case(samples=4, case__runtime="short"),
        case(20.0, case__scenario=searched),
        case(case__runtime="unheard of"),
    )
    found = check(now, baseline)
    assert [one.status for one in found.cases] == list(get_args(Status))
    shown = as_text(found)
    assert all(word in shown for word in WORDS.values())
    told = "Failed: 1 case slower by more than 5 %, 1 case that the result does not have, 1 case that was not "
    told += "measured, 1 case that can't be told."
    assert told in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
