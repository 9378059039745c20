from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from resnet_export.report.verify.junit import render
from resnet_export.runtimes.session import Placement
from tests.report.verified import CUDA, FAILED, MNN, ORT, PASSED

if TYPE_CHECKING:
    from resnet_export.parity.results import VerifyReport

KINDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def cases_of(report: VerifyReport) -> dict[tuple[str, str], ET.Element]:
    found = [
        ((case.attrib["classname"], case.attrib["name"]), case)
        for case in ET.fromstring(render(report)).iter("testcase")
    ]
    assert len(found) == len(dict(found)), "no case goes by the name of another"
    return dict(found)


@pytest.mark.parametrize("report", [PASSED, FAILED, replace(FAILED, comparisons=(), runtimes=())])
def test_the_counts_add_up(report: VerifyReport) -> None:
    suites = ET.fromstring(render(report))
    (suite,) = suites
    assert (suites.tag, suite.tag, suite.get("name")) == ("testsuites", "testsuite", "nets/net.onnx")
    cases = suite.findall("testcase")
    for element in (suites, suite):
        assert element.get("tests") == str(len(cases))
        for attribute, tag in KINDS.items():
            assert element.get(attribute) == str(len(suite.findall(f"testcase/{tag}")))
    for case in cases:
        assert set(case.attrib) == {"classname", "name"}
        assert len(case) <= 1
        assert all(child.tag in KINDS.values() and child.get("message") for child in case)


def test_a_case_for_each_runtime_and_batch() -> None:
    outcomes = {name: [child.tag for child in case] for name, case in cases_of(PASSED).items()}
    assert outcomes == {
        ("ort:cpu", "1 random image"): [],
        ("ort:cpu", "2 random images"): [],
        ("ort:cpu", "7 random images"): [],
        ("ncnn", "1 random image"): [],
        ("ncnn", "2 random images"): ["skipped"],
        ("ncnn", "7 random images"): ["skipped"],
        ("mnn", "run"): ["skipped"],
        ("keras", "run"): ["skipped"],
        ("ort:cuda", "run"): ["skipped"],
        ("ort:tensorrt", "run"): ["skipped"],
        ("the file", "contents"): [],
    }


def test_a_failure_has_its_own_sentence() -> None:
    cases = cases_of(FAILED)
    for name, sentence in (("1 random image", FAILED.failures[0]), ("2 random images", FAILED.failures[1])):
        (failure,) = cases["synthetic,error=0.01", name]
        assert (failure.tag, failure.get("message")) == ("failure", sentence)
    assert len(cases["the file", "contents"]) == 0


def test_a_crash_is_an_error_and_a_named_runtime_that_cannot_run_a_failure() -> None:
    cases = cases_of(FAILED)
    assert [(child.tag, child.get("message")) for child in cases["tract", "run"]] == [
        ("error", "crashed: the process of tract was ended by SIGSEGV while running it")
    ]
    assert [(child.tag, child.get("message")) for child in cases["mnn", "run"]] == [
        ("failure", f"unsupported: {MNN.reason}")
    ]


def test_what_is_not_here_tells_what_to_do() -> None:
    (skipped,) = cases_of(PASSED)["ort:cuda", "run"]
    assert (skipped.get("message"), skipped.text) == (f"not here: {CUDA.reason}", CUDA.hint)


def test_a_failure_of_the_file_itself() -> None:
    report = replace(FAILED, failures=("conv1: it has 3 pads",), comparisons=(), runtimes=())
    (failure,) = cases_of(report)["the file", "contents"]
    assert failure.get("message") == "conv1: it has 3 pads"


def test_pictures() -> None:
    comparisons = (*PASSED.comparisons[:1], replace(PASSED.comparisons[0], inputs="pictures", batch=5))
    assert ("ort:cpu", "5 pictures") in cases_of(replace(PASSED, comparisons=comparisons, runtimes=(ORT,)))


def test_where_and_why_stand_in_the_output() -> None:
    told = ET.fromstring(render(FAILED)).findtext("testsuite/system-out")
    assert told is not None
    assert told.splitlines()[0] == "left out: broken.png is no picture."
    assert told.splitlines()[-1] == "Likely cause: the ReLU is missing."
    stray = replace(ORT, placement=Placement("CPU", {}, "the CPU ran it: no CUDA device"))
    told = ET.fromstring(render(replace(PASSED, runtimes=(stray,)))).findtext("testsuite/system-out")
    assert told is not None
    assert told.startswith("ort:cpu: FALLBACK: the CPU ran it: no CUDA device\n")


def test_what_xml_cannot_hold() -> None:
    report = replace(PASSED, file="mod\udcff<&>.onnx", notes=("\x1b[1mbold\x00",))
    (suite,) = ET.fromstring(render(report).encode())
    assert suite.get("name") == "mod <&>.onnx"
    assert suite.findtext("system-out") == "bold"
