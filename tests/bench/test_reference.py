"""The reference network, and cases that are measured beside it."""

from __future__ import annotations

import contextlib
import re
import time
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from resnet_export.bench import bench, measure, plan_digest, reference
from resnet_export.bench.case import expand_cases
from resnet_export.bench.compare import compare
from resnet_export.bench.reference import NAME, NOT_FOR_IT, make_network, measure_beside_reference
from resnet_export.bench.results import CaseResult
from resnet_export.bench.sampling import QUICK, Budget
from resnet_export.bench.scenarios import make_scenario
from resnet_export.bench.schedule import PEAKS_S, PEAKS_START_S
from resnet_export.data import decode, to_json
from resnet_export.errors import RuntimeCrashedError, UsageError
from resnet_export.graph.cost import count
from resnet_export.machine import read_machine
from tests.bench.examples import CASE, ON_GPU, measured, result
from tests.doctor.examples import MACHINE

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
def report(fixed_peaks: None, net: Path, told: list[str]) -> BenchReport:
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
    ratio = relative.ratio
    assert ratio.low is not None
    assert ratio.high is not None
    assert 0 < ratio.low <= ratio.value <= ratio.high
    assert relative.launches >= 3
    assert relative.reference.startswith(f"{NAME} in onnxruntime")
    assert relative.reference_ms > 0
    assert report.as_dict()["cases"][0]["relative"]["ratio"]["low"] == ratio.low
    assert any(re.match(r"beside the reference network, launch \d+, B / A \d+\.\d+ \[", line) for line in told)


def test_calls_after_pauses_have_none(report: BenchReport) -> None:
    assert report.cases[1].measured is not None
    plain = report.as_dict()["cases"][1]
    assert (plain["relative"], plain["relative_reason"]) == (None, NOT_FOR_IT)


def test_the_journal_keeps_it(report: BenchReport) -> None:
    (first, _) = report.cases
    assert decode(CaseResult, to_json(first), "a line") == first


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (result(measured=measured(ran=ON_GPU)), re.escape(NOT_FOR_IT)),
        (result(measured=measured(median_ms=0.26)), r"A run of 0\.26 ms is too short to be held against the reference"),
    ],
    ids=["GPU", "short"],
)
def test_what_has_none_says_why(case: CaseResult, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        measure_beside_reference(case, MACHINE, 1.0, None, 8.0)


@pytest.fixture
def measured_at_once(fixed_peaks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the cases nor the peaks are measured."""
    monkeypatch.setattr("resnet_export.bench.runner.run_case", lambda case, *others: result(case=case))


@pytest.mark.usefixtures("measured_at_once")
class TestTurns:
    def test_a_process_that_crashes_takes_nothing_from_the_measurements(
        self, net: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*arguments: object, **options: object) -> None:
            raise RuntimeCrashedError("B: its process was ended by SIGSEGV while sampling.")

        monkeypatch.setattr(reference, "compare", fail)
        (case,) = bench([net], SYNTHETIC, referenced=True).cases
        assert (case.status, case.relative) == ("measured", None)
        assert case.relative_reason == "B: its process was ended by SIGSEGV while sampling."

    def test_an_end_by_hand_ends_it(self, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reference, "compare", lambda *arguments, **options: SimpleNamespace(interrupted=True))
        with pytest.raises(KeyboardInterrupt):
            bench([net], SYNTHETIC, referenced=True)

    def test_they_are_part_of_the_time(self, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two cases, of which one may have turns: a third of the time for each."""
        given: list[tuple[str, float]] = []

        def note(found: CaseResult, machine: object, seconds: float, *others: object) -> None:
            given.append((found.case.scenario.name, seconds))

        monkeypatch.setattr(time, "monotonic", lambda: 50.0)
        monkeypatch.setattr(reference, "measure_beside_reference", note)
        scenarios = [make_scenario("single"), make_scenario("concurrent", callers=2)]
        cases = expand_cases([net], SYNTHETIC, scenarios=scenarios)
        measure(cases, Budget(9.0 + PEAKS_START_S + PEAKS_S), referenced=True, begun=47.0)
        assert given == [("single", pytest.approx(3.0))], "6 s for two jobs: the first took no time"


def test_a_journal_without_it_is_another_plan_s() -> None:
    machine = read_machine()
    assert plan_digest([CASE], QUICK, machine) != plan_digest([CASE], QUICK, machine, referenced=True)
