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
from resnet_export.bench.case import make_plan
from resnet_export.bench.sampling import Budget
from resnet_export.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.bench.results import BenchReport

SHORT = Budget(0.6, 70, 200)
KILLS = 20
BATCHES = [1, 2, 3, 4, 5, 6, 7, 8]
A_SECOND_EACH = Budget(6.0, 70)
"""With the start of its process, of 24 cases: most kills come before the plan can be done."""
PROGRAM = """
import sys
from resnet_export.bench import bench
from resnet_export.bench.sampling import Budget
bench([sys.argv[1]], sys.argv[3:], list(range(1, 9)), (None,), Budget(6.0, 70), sys.argv[2])
"""


@pytest.fixture(scope="module")
def report(net: Path) -> BenchReport:
    """A plan of which one case crashes and one hangs."""
    runtimes = ["synthetic,latency_ms=1", "synthetic,fail=segfault", "synthetic,fail=hang", "ort:cpu"]
    return bench([net], runtimes, budget=SHORT, patience=8)


def test_a_crash_and_a_hang_are_reported_and_the_rest_is_measured(report: BenchReport) -> None:
    assert [result.status for result in report.cases] == ["measured", "crashed", "hung", "measured"]
    assert [result.case.runtime for result in report.failures] == ["synthetic,fail=segfault", "synthetic,fail=hang"]


def test_the_json(report: BenchReport) -> None:
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["schema_version"] == 2
    assert plain["machine"]["usable_cpus"] > 0
    first, crash, *_ = plain["cases"]
    assert (first["status"], first["runtime"], first["batch"]) == ("measured", "synthetic,latency_ms=1", 1)
    (series,) = first["series"]
    assert first["samples"] == len(series["samples_ms"])
    assert all(one >= 1.0 for one in series["samples_ms"])
    assert first["min_ms"] <= first["p50_ms"] <= first["p99_ms"] <= first["max_ms"]
    assert first["p99_low_ms"] is None, "too few samples for its interval"
    if first["p50_low_ms"] is not None:
        assert first["p50_low_ms"] <= first["p50_ms"] <= first["p50_high_ms"]
        assert first["images_per_s_low"] <= first["images_per_s"] <= first["images_per_s_high"]
    assert first["images_per_s"] <= 1000, "a call takes 1 ms at least"
    assert (crash["status"], crash["signal"], "p50_ms" in crash) == ("crashed", "SIGSEGV", False)


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
    measure(make_plan([net], ["synthetic,fail=load"]), SHORT, tmp_path / "journal")
    with pytest.raises(InputError, match="is the journal of another plan"):
        bench([net], ["synthetic,fail=load"], [2], budget=SHORT, journal=tmp_path / "journal")
    with pytest.raises(InputError, match="is the journal of another plan"):
        bench([net], ["synthetic,fail=load"], budget=Budget(1.0, 1), journal=tmp_path / "journal")


def test_kill_9_at_a_random_moment_loses_no_case_and_measures_none_twice(net: Path, tmp_path: Path) -> None:
    runtimes = ["synthetic,latency_ms=1", "ort:cpu", "synthetic,latency_ms=2"]
    command = [sys.executable, "-c", PROGRAM, str(net), str(tmp_path / "journal"), *runtimes]
    chance = random.Random(4)
    kept, alive = b"", 0
    for _ in range(KILLS):
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
        content = (tmp_path / "journal").read_bytes() if (tmp_path / "journal").exists() else b""
        assert content.startswith(kept), "a finished case is never touched again"
        kept = content[: content.rfind(b"\n") + 1]
    assert alive >= 15, "the plan takes longer than most of the kills"
    subprocess.run(command, check=True, timeout=120)
    content = (tmp_path / "journal").read_bytes()
    assert content.startswith(kept)
    keys = [json.loads(line)["case"] for line in content.splitlines()[1:]]
    plan = make_plan([net], runtimes, BATCHES)
    assert sorted(keys) == sorted(case.key for case in plan)
    again = bench([net], runtimes, BATCHES, budget=A_SECOND_EACH, journal=tmp_path / "journal")
    assert (again.resumed, again.failures) == (24, ())
    assert (tmp_path / "journal").read_bytes() == content
