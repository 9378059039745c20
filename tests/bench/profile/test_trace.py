from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.bench.profile.trace import NodeTime, read_trace

if TYPE_CHECKING:
    from pathlib import Path


def node(name: str, begin: int, duration: int, op: str = "Conv") -> dict[str, Any]:
    args = {"op_name": op, "provider": "CPUExecutionProvider"}
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": begin, "dur": duration, "args": args}


def run(begin: int, duration: int) -> list[dict[str, Any]]:
    return [{"cat": "Session", "name": name, "ts": begin, "dur": duration} for name in ("Execute", "model_run")]


def write(folder: Path, *events: dict[str, Any]) -> Path:
    path = folder / "profile.json"
    path.write_text(json.dumps([{"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 9}, *events]))
    return path


def test_the_last_runs_with_their_nodes(tmp_path: Path) -> None:
    events = [node("a", 100, 50), *run(100, 60), node("a", 200, 7), node("b", 208, 2, "Relu"), *run(199, 12)]
    runs = read_trace(write(tmp_path, *events), 1)
    assert [found.duration_us for found in runs] == [12]
    provider = "CPUExecutionProvider"
    assert runs[0].nodes == (NodeTime("a", "Conv", provider, 7), NodeTime("b", "Relu", provider, 2))
    assert [len(found.nodes) for found in read_trace(write(tmp_path, *events), 2)] == [1, 2]


def test_a_node_that_holds_others_is_not_counted_twice(tmp_path: Path) -> None:
    """The inner ones end first, and so come first."""
    inner = [node("a", 101, 3), node("deep", 106, 1), node("b", 105, 4, "If")]
    events = [*inner, node("loop", 100, 20, "Loop"), node("c", 120, 5), *run(100, 26)]
    (found,) = read_trace(write(tmp_path, *events), 1)
    assert {one.name: one.own_us for one in found.nodes} == {"loop": 13, "a": 3, "b": 3, "deep": 1, "c": 5}
    assert sum(one.own_us for one in found.nodes) == 25


def test_nodes_of_no_duration_hold_nothing(tmp_path: Path) -> None:
    events = [node("a", 100, 0), node("b", 100, 5), node("c", 105, 0), *run(100, 6)]
    (found,) = read_trace(write(tmp_path, *events), 1)
    assert sum(one.own_us for one in found.nodes) == 5


def test_too_few_runs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it holds 1 runs, and 2 were made"):
        read_trace(write(tmp_path, node("a", 1, 1), *run(0, 3)), 2)
