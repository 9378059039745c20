"""Whole plans: the report, and what is left of a plan that is killed."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from resnet_export.bench import bench, measure
from resnet_export.bench.case import expand_cases
from resnet_export.bench.results import BenchReport
from resnet_export.bench.sampling import Budget
from resnet_export.data import decode
from resnet_export.errors import InputError

from . import examples

if TYPE_CHECKING:
    from pathlib import Path

SHORT = Budget(0.6, 70, 200)
PROGRAM = """
import sys
from resnet_export.bench import bench, roofline, schedule
from resnet_export.bench.sampling import Budget
from resnet_export.errors import RuntimeFailedError
def fail(*arguments, **options):
    raise RuntimeFailedError("There are no peaks.")
schedule.LEAST_JOB_S, roofline.measure_peaks = 0.2, fail
bench([sys.argv[1]], sys.argv[4:], range(1, int(sys.argv[3]) + 1), (None,), Budget(1.0, 70), sys.argv[2])
"""


@pytest.fixture(scope="module")
def report(net: Path) -> BenchReport:
    """A plan of which one case crashes and one hangs."""
    runtimes = ["synthetic,latency_ms=1", "synthetic,fail=segfault", "synthetic,fail=hang", "ort:cpu"]
    return bench([net], runtimes, budget=SHORT, timeout_s=4)


def test_a_report_prints_the_median_of_each_case() -> None:
    measured, crashed = str(examples.report(examples.result(), examples.crashed())).splitlines()
    assert measured == f"{examples.CASE.label}: {examples.result().p50_ms:.3g} ms"
    assert crashed == f"{examples.CASE.label}: its process was ended by SIGSEGV while sampling"


def test_a_crash_and_a_hang_are_reported_and_the_rest_is_measured(report: BenchReport) -> None:
    assert [result.status for result in report.cases] == ["measured", "crashed", "hung", "measured"]
    assert [result.case.runtime for result in report.failures] == ["synthetic,fail=segfault", "synthetic,fail=hang"]


def test_the_peaks_of_this_machine(report: BenchReport) -> None:
    (peaks,) = report.peaks
    assert (peaks.device, peaks.threads) == ("cpu", report.cases[0].threads)
    assert peaks.multiply_adds_per_s["float32"] > 1e7


def test_the_json(report: BenchReport) -> None:
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["schema_version"] == 3
    assert plain["machine"]["usable_cpus"] > 0
    first, crash, *_ = plain["cases"]
    assert (first["status"], first["case"]["runtime"], first["case"]["batch"]) == (
        "measured",
        "synthetic,latency_ms=1",
        1,
    )
    (series,) = first["measured"]["series"]
    latency, rate = series["latency_ms"], series["images_per_s"]
    assert latency["samples"] == len(series["samples_ns"])
    assert all(one >= 1_000_000 for one in series["samples_ns"])
    assert latency["min"] <= latency["p50"]["value"] <= latency["p99"]["value"] <= latency["max"]
    assert first["p50_ms"] == latency["p50"]["value"]
    assert latency["p99"]["low"] is None, "too few samples for its interval"
    for one in (latency["p50"], rate):
        assert one["low"] is None or one["low"] <= one["value"] <= one["high"]
    assert rate["value"] <= 1000, "a call takes 1 ms at least"
    assert (crash["status"], crash["signal"], crash["measured"], crash["p50_ms"]) == ("crashed", "SIGSEGV", None, None)
    assert decode(BenchReport, plain, "the JSON") == report


def test_progress(net: Path) -> None:
    class Stage:
        names: list[str] = []  # noqa: RUF012

        def __init__(self, name: str) -> None:
            self.names.append(name)

        def __enter__(self) -> None:
            return None

        def __exit__(self, *exception: object) -> None:
            return None

    report = bench([net], ["synthetic,fail=load"], [1, 8], progress=Stage)
    assert Stage.names == [f"net.onnx in synthetic,fail=load, batch {batch}" for batch in (1, 8)]
    assert [result.exit_code for result in report.cases] == [3, 3]


def test_a_journal_of_another_plan(net: Path, tmp_path: Path) -> None:
    measure(expand_cases([net], ["synthetic,fail=load"]), SHORT, tmp_path / "journal")
    with pytest.raises(InputError, match="is the journal of another plan"):
        bench([net], ["synthetic,fail=load"], [2], budget=SHORT, journal=tmp_path / "journal")
    with pytest.raises(InputError, match="is the journal of another plan"):
        bench([net], ["synthetic,fail=load"], budget=Budget(1.0, 1), journal=tmp_path / "journal")


@pytest.mark.parametrize(("kills", "batches"), [(2, 1), pytest.param(20, 8, marks=pytest.mark.long)])
def test_kill_9_at_a_random_moment_loses_no_case_and_measures_none_twice(
    kills: int, batches: int, net: Path, tmp_path: Path, fixed_peaks: None
) -> None:
    runtimes, journal = ["synthetic,latency_ms=1", "ort:cpu", "synthetic,latency_ms=2"], tmp_path / "journal"
    command = [sys.executable, "-c", PROGRAM, str(net), str(journal), str(batches), *runtimes]
    chance = random.Random(4)
    kept, alive = b"", 0
    for _ in range(kills):
        process = subprocess.Popen(command)
        children: list[psutil.Process] = []
        end = time.monotonic() + chance.uniform(0.7, 2.2)
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(psutil.Error):
                children += psutil.Process(process.pid).children()
            time.sleep(0.02)
        alive += process.poll() is None
        process.kill()
        process.wait()
        assert psutil.wait_procs(children, timeout=30)[1] == [], "the worker leaves with its parent"
        content = journal.read_bytes() if journal.exists() else b""
        assert content.startswith(kept), "a finished case is never touched again"
        kept = content[: content.rfind(b"\n") + 1]
    assert alive >= 0.75 * kills, "the plan takes longer than most of the kills"
    subprocess.run(command, check=True, timeout=120)
    content = journal.read_bytes()
    assert content.startswith(kept)
    keys = [json.loads(line)["case"] for line in content.splitlines()[1:]]
    plan = expand_cases([net], runtimes, range(1, batches + 1))
    assert sorted(keys) == sorted(case.key for case in plan)
    again = measure(plan, Budget(1.0, 70), journal)
    assert (again.resumed, again.failures) == (len(plan), ())
    assert journal.read_bytes() == content
