"""The reference network, and cases that are measured beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import time
from functools import partial
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from resnet_export.bench import bench, plan_digest, reference
from resnet_export.bench.case import make_plan
from resnet_export.bench.compare import compare
from resnet_export.bench.reference import NAME, make_network, measure_beside_reference
from resnet_export.bench.results import CaseResult
from resnet_export.bench.sampling import QUICK, Budget
from resnet_export.bench.scenario import make_scenario
from resnet_export.errors import RuntimeCrashedError, UsageError
from resnet_export.graph.cost import count
from resnet_export.machine import read_machine
from tests.bench.examples import CASE, crashed, measured, result

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.bench.results import BenchReport

SHORT = Budget(1.0, 70, 200)
SYNTHETIC = ["synthetic,latency_ms=2"]


@pytest.fixture(scope="module")
def told() -> list[str]:
    """How it stood while the report was made."""
    return []


@pytest.fixture(scope="module")
def report(net: Path, told: list[str]) -> BenchReport:
    scenarios = [make_scenario("single"), make_scenario("idle", gaps_ms=(0.0,))]
    progress = contextlib.nullcontext(told.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "compare", partial(compare, least_launches=3))
        return bench(
            [net], SYNTHETIC, budget=SHORT, progress=lambda name: progress, scenarios=scenarios, referenced=True
        )


def test_the_network_is_what_it_is_said_to_be() -> None:
    network = make_network()
    onnx.checker.check_model(network, full_check=True)
    assert network.SerializeToString() == make_network().SerializeToString()
    assert len(network.SerializeToString()) == pytest.approx(19e6, rel=0.02)
    cost = count(ir.from_proto(network), (1, 64, 56, 56))
    assert cost is not None
    assert cost.multiply_adds == pytest.approx(0.64e9, rel=0.01)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == [1, 512, 7, 7]


def test_a_case_beside_it(report: BenchReport, told: list[str]) -> None:
    relative = report.cases[0].relative
    assert relative is not None
    assert relative.low is not None
    assert relative.high is not None
    assert 0 < relative.low <= relative.ratio <= relative.high
    assert relative.launches >= 3
    assert relative.reference.startswith(f"{NAME} in onnxruntime")
    assert relative.reference_ms > 0
    assert report.as_dict()["cases"][0]["relative"]["ratio_low"] == relative.low
    assert any(re.match(r"beside the reference network, launch \d+, B / A \d+\.\d+ \[", line) for line in told)


def test_calls_after_pauses_have_none(report: BenchReport) -> None:
    assert report.cases[1].measured is not None
    plain = report.as_dict()["cases"][1]
    told = "The reference network is for one call behind the other (single), on the CPU."
    assert (plain["relative"], plain["relative_reason"]) == (None, told)


def test_the_journal_keeps_it(report: BenchReport) -> None:
    (first, _) = report.cases
    assert CaseResult.from_journal(json.loads(json.dumps(first.as_journal()))) == first


def test_what_has_no_time_has_none() -> None:
    assert measure_beside_reference(crashed(), 1.0, None, 8.0) is None


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (result(measured=measured(device="GPU 0")), "The reference network is for one call behind the other"),
        (result(measured=measured(median_ms=0.26)), r"A run of 0\.26 ms is too short to be held against the reference"),
    ],
    ids=["GPU", "short"],
)
def test_what_has_none_says_why(case: CaseResult, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        measure_beside_reference(case, 1.0, None, 8.0)


def test_a_process_that_crashes_takes_nothing_from_the_measurements(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeCrashedError("B: its process was ended by SIGSEGV while sampling.")

    monkeypatch.setattr(reference, "compare", fail)
    (case,) = bench([net], SYNTHETIC, budget=SHORT, referenced=True).cases
    assert (case.status, case.relative) == ("measured", None)
    assert case.relative_reason == "B: its process was ended by SIGSEGV while sampling."


def test_an_end_by_hand_ends_it(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass
    class Interrupted:
        interrupted: bool = True

    monkeypatch.setattr(reference, "compare", lambda *arguments, **options: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        bench([net], SYNTHETIC, budget=SHORT, referenced=True)


def test_a_journal_without_it_is_another_plan_s() -> None:
    machine = read_machine()
    assert plan_digest([CASE], QUICK, machine) != plan_digest([CASE], QUICK, machine, referenced=True)


def test_the_turns_are_part_of_the_time(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases, of which one may have turns: a third of the time for each."""
    given = []

    def note(result: CaseResult, seconds: float, *others: object) -> None:
        given.append((result.case.scenario.name, seconds))

    monkeypatch.setattr(reference, "measure_beside_reference", note)
    scenarios = [make_scenario("single"), make_scenario("concurrent", callers=2)]
    assert len(make_plan([net], ["ort:cpu"], scenarios=scenarios)) == 2
    begin = time.monotonic()
    bench([net], ["ort:cpu"], budget=Budget(8.0), scenarios=scenarios, referenced=True)
    assert given == [("single", pytest.approx(2.2, abs=0.6))], "the rest but the peaks' is the cases'"
    assert time.monotonic() - begin < 10
