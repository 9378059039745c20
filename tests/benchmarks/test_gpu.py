"""What can be tried of `benchmarks/gpu.py` without a GPU."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.runtimes import choose

if TYPE_CHECKING:
    from types import ModuleType

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
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text(encoding="utf-8")), done.stdout


def test_it_measures_in_rounds_and_lists_what_the_time_did_not_suffice_for(tmp_path: Path) -> None:
    found, said = run(tmp_path, "--minutes", "0.8", "--rounds", "2")
    assert found["schema_version"] == 1
    assert found["absent"] == {}
    rows = found["cases"]
    assert rows
    for row in rows:
        assert (row["status"], row["batch"], row["boundary"]) == ("measured", 1, "device")
        assert row["model"] == f"{'float16' if 'float16' in row['peer'] else 'float32'}-batch1.onnx"
        assert len(row["series"][0]["samples_ms"]) >= 64
        assert f"| {row['peer']} | " in said
    turns = [(turn["round"], turn["peer"]) for turn in rows + found["left_out"]]
    assert sorted(turns) == sorted((number, name) for number in (1, 2) for name in ON_CPU)


def test_without_time_it_measures_nothing_and_says_so(tmp_path: Path) -> None:
    found, said = run(tmp_path, "--minutes", "0", "--rounds", "1")
    assert found["schema_version"] == 1
    assert found["cases"] == []
    assert {turn["peer"] for turn in found["left_out"]} == ON_CPU
    assert "Nothing was measured." in said
    assert "Left out, as the time was over: round 1, batch 1: " in said


def test_a_gpu_runs_every_precision_in_everything_that_is_tuned_for_it(gpu: ModuleType) -> None:
    peers = gpu.PEERS["cuda"]
    assert len({peer.name for peer in peers}) == len(peers)
    seen = set()
    for peer in peers:
        choice = choose(peer.runtime)  # refuses what is no option
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
