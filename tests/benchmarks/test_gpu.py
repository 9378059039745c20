"""What can be tried of `benchmarks/gpu.py` without a GPU."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.bench.sampling import QUICK
from resnet_export.runtimes import parse_runtime
from tests.bench.examples import CASE, crashed, measured, result, series_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from resnet_export.bench.case import Case
    from resnet_export.bench.results import CaseResult
    from resnet_export.bench.runner import Limits

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
ON_CPU = {
    "ONNX Runtime, float32",
    "ONNX Runtime, float16",
    "PyTorch eager, float32",
    "PyTorch eager, channels last, float32",
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; it stands beside the ones that it imports."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return importlib.import_module("gpu")


def run(folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The JSON that it writes and what it prints where there is neither Keras nor a GPU."""
    for name in ("keras", "tensorflow", "tf2onnx"):
        (folder / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    output = folder / "gpu.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--device", "cpu", "--batches", "1", "--output", output, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(SCRIPT.parents[1])])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text(encoding="utf-8")), done.stdout


@pytest.mark.long
def test_it_measures_every_peer_or_lists_it_as_left_out(tmp_path: Path) -> None:
    found, said = run(tmp_path, "--minutes", "4", "--rounds", "1")
    assert found["schema_version"] == 2
    assert found["absent"] == {}
    rows = found["cases"]
    assert rows
    for row in rows:
        case = row["case"]
        assert (row["status"], case["batch"], case["io"]) == ("measured", 1, "device")
        assert case["model"]["path"] == f"{'float16' if 'float16' in row['peer'] else 'float32'}-batch1.onnx"
        assert len(row["measured"]["series"][0]["samples_ns"]) >= 8
        assert f"| {row['peer']} | " in said
    turns = rows + found["left_out"]
    assert {turn["peer"] for turn in turns} == ON_CPU
    assert len(turns) == len(ON_CPU)


@pytest.mark.long
def test_without_time_it_measures_nothing_and_says_so(tmp_path: Path) -> None:
    found, said = run(tmp_path, "--minutes", "0", "--rounds", "1")
    assert found["schema_version"] == 2
    assert found["cases"] == []
    assert {turn["peer"] for turn in found["left_out"]} == ON_CPU
    assert "Nothing was measured." in said
    assert "Left out, as the time was over: round 1, batch 1: " in said


def test_a_gpu_runs_every_precision_in_everything_that_is_tuned_for_it(gpu: ModuleType) -> None:
    peers = gpu.PEERS["cuda"]
    assert len({peer.name for peer in peers}) == len(peers)
    seen = set()
    for peer in peers:
        choice = parse_runtime(peer.runtime)  # refuses what is no option
        precision = "float16" if peer.file == "float16" else choice.options.precision
        assert peer.name.lower().endswith(precision)
        seen.add((choice.name, precision))
    every = {(name, kind) for name in ("ort:cuda", "torch", "torch:compile") for kind in ("float32", "tf32", "float16")}
    assert seen == every | {("ort:tensorrt", "tf32"), ("ort:tensorrt", "float16")}


def test_what_matters_most_comes_first(gpu: ModuleType) -> None:
    quick, slow = gpu.Peer("quick", "torch"), gpu.Peer("slow", "torch:compile", slow=True)
    cases = [(peer, batch) for peer in (slow, quick) for batch in (1, 8, 64)]
    turns = gpu.order(cases, (1, 64, 8), rounds=2)
    assert [(turn.round, turn.peer.name, turn.batch) for turn in turns] == [
        (1, "quick", 1),
        (1, "slow", 1),
        (1, "quick", 64),
        (1, "quick", 8),
        (1, "slow", 64),
        (2, "quick", 1),
        (2, "quick", 64),
        (2, "quick", 8),
    ]


def test_lots_decide_within_a_round(gpu: ModuleType) -> None:
    peers = [gpu.Peer(str(index), "torch") for index in range(8)]
    turns = gpu.order([(peer, 1) for peer in peers], (1,), rounds=2)
    first, second = [turn.peer for turn in turns[:8]], [turn.peer for turn in turns[8:]]
    assert first != second
    assert set(first) == set(second) == set(peers)


def test_a_case_has_the_time_that_is_left(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def hang(case: Case, usable_cpus: float, limits: Limits, show: object) -> CaseResult:
        waited.append(limits.timeout_s)
        return result(status="hung", measured=None)

    monkeypatch.setattr(gpu, "run_case", hang)
    assert gpu.measure_until(time.monotonic() + 1000, CASE, QUICK, 1).status == "hung"
    assert gpu.measure_until(time.monotonic() + 60, CASE, QUICK, 1).status == "hung"
    assert gpu.measure_until(time.monotonic(), CASE, QUICK, 1) is None
    assert waited[0] == gpu.TIMEOUT_S
    assert 0 < waited[1] <= 60
    assert len(waited) == 2


def test_a_case_that_goes_on_beyond_the_end_is_stopped(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def go_on(case: Case, usable_cpus: float, limits: Limits, show: Callable[[str], None]) -> CaseResult:
        show("sampling")
        return result()

    monkeypatch.setattr(gpu, "run_case", go_on)
    assert gpu.measure_until(time.monotonic() + 60, CASE, QUICK, 1) == result()
    monkeypatch.setattr(gpu, "GRACE", -60)
    assert gpu.measure_until(time.monotonic() + 60, CASE, QUICK, 1) is None


def test_a_peer_that_fails_is_not_tried_again_with_that_batch(gpu: ModuleType) -> None:
    peer, other = gpu.Peer("one", "torch"), gpu.Peer("other", "torch")
    found = [(gpu.Turn(1, peer, 1), result()), (gpu.Turn(1, peer, 64), crashed()), (gpu.Turn(1, other, 1), crashed())]
    assert not gpu.failed(gpu.Turn(2, peer, 1), found)
    assert gpu.failed(gpu.Turn(2, peer, 64), found)
    assert gpu.failed(gpu.Turn(1, other, 64), found)  # nor at all when it fails at first


def test_the_table_shows_the_median_of_the_rounds_with_least_and_most(gpu: ModuleType) -> None:
    rounds = [result(measured=measured(series=(series_of((p50,) * 3),))) for p50 in (3.0, 1.0, 2.0)]
    found = [(gpu.Turn(number, gpu.Peer("one", "torch"), 1), one) for number, one in enumerate(rounds, 1)]
    found += [(gpu.Turn(1, gpu.Peer("other", "torch"), 64), one) for one in (rounds[0], crashed())]
    *_, one, other = gpu.markdown(found)
    assert one == "| one | 2 [1 3] |  |"
    assert other == "| other |  | 3 |"
