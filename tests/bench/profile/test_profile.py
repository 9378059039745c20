"""Profiles of real runs, in a process of their own, and every way in which that can end."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import onnx
import psutil
import pytest

from resnet_export.bench.profile.executed import Place
from resnet_export.bench.profile.profiler import middle_of, profile, tabulate
from resnet_export.bench.profile.results import Profile
from resnet_export.bench.profile.trace import NodeTime, Run
from resnet_export.data import decode, to_json
from resnet_export.errors import InputError, RuntimeCrashedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.spec import ResNetSpec
    from tests.conftest import Exported

SECONDS = 1.0


def test_a_canonical_file_by_the_names_of_the_specification(exported: Exported, small: ResNetSpec) -> None:
    found = profile(exported.path, threads=1, seconds=3.0)
    steps = [step.name for step in small.canonical.steps]
    assert sorted(name for one in found.layers for name in one.layers) == sorted(steps), "each layer once"
    assert {one.layer for one in found.layers if one.layers} <= set(steps)
    convolutions = [step.name for step in small.canonical.steps if step.op == "Conv"]
    assert [one.layer for one in found.layers if one.multiply_adds is not None] != []
    assert set(convolutions) <= {one.layer for one in found.layers}
    assert sum(one.multiply_adds or 0 for one in found.layers) == small.multiply_adds
    assert found.threads == 1
    assert (found.ran.device, found.ran.precision) == ("CPU", "float32")
    assert {one.provider for one in found.layers} == {"CPUExecutionProvider"}
    assert found.runs >= 20
    assert 0 < found.nodes_ms < found.run_ms < found.profiled_ms
    parts = found.nodes_ms, found.between_nodes_ms, found.around_run_ms
    assert sum(parts) == pytest.approx(found.profiled_ms)
    assert min(parts) > 0
    assert sum(one.share for one in found.layers) == pytest.approx(found.explained)
    assert sum(one.mean_ms for one in found.operators) == pytest.approx(found.nodes_ms)
    assert decode(Profile, to_json(found), "the JSON") == found


def test_what_is_not_fused_stands_alone(exported: Exported, small: ResNetSpec) -> None:
    found = profile(exported.path, "ort:cpu,optimization=disabled", seconds=SECONDS)
    assert [one.layer for one in found.layers] != []
    assert sorted(one.layer for one in found.layers) == sorted(step.name for step in small.canonical.steps)
    assert all(one.layers == (one.layer,) and one.calls == 1 for one in found.layers)


def test_a_batch_counts_its_images(exported: Exported, small: ResNetSpec) -> None:
    found = profile(exported.path, batch=3, seconds=SECONDS)
    assert sum(one.multiply_adds or 0 for one in found.layers) == 3 * small.multiply_adds


def test_a_file_of_others_without_names(make_net: Callable[..., Path], tmp_path: Path) -> None:
    model = onnx.load_model(make_net())
    for node in model.graph.node:
        node.name = ""
    onnx.save_model(model, tmp_path / "nameless.onnx")
    found = profile(tmp_path / "nameless.onnx", seconds=SECONDS)
    assert {one.layer for one in found.layers if one.layers} >= {"conv", "pooled", "logits"}


def test_nothing_is_left_behind(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    profile(net, seconds=SECONDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("runtime", ["openvino", "reference", "synthetic", "torch"])
def test_a_runtime_without_a_profiler(runtime: str, net: Path) -> None:
    with pytest.raises(UsageError, match=f"{runtime} has no profiler") as caught:
        profile(net, runtime)
    assert "ort:cpu, ort:cuda" in str(caught.value.hint)


def test_invalid_arguments(net: Path, make_net: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch 0 is below 1"):
        profile(net, batch=0)
    with pytest.raises(UsageError, match="threads -1 is below 1"):
        profile(net, threads=-1)
    with pytest.raises(InputError, match="takes batches of 2 only, and batch 3 was asked for"):
        profile(make_net(batch=2), batch=3)
    with pytest.raises(InputError, match="There is no file"):
        profile(tmp_path / "absent.onnx")


def test_a_fixed_batch_is_taken(make_net: Callable[..., Path]) -> None:
    assert profile(make_net(batch=2), seconds=SECONDS).case.batch == 2


def _to_child(number: int) -> None:
    def send() -> None:
        # Before it has become the worker it has this process wait for it: stopped then, both would wait for ever.
        while not (workers := [one for one in psutil.Process().children() if _is_worker(one)]):
            time.sleep(0.01)
        workers[0].send_signal(number)

    threading.Thread(target=send).start()


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("resnet_export.bench.profile.worker" in word for word in process.cmdline())
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_dies(net: Path) -> None:
    _to_child(signal.SIGKILL)
    with pytest.raises(RuntimeCrashedError, match="was ended by SIGKILL, as the kernel does when memory runs out"):
        profile(net)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_hangs(net: Path) -> None:
    _to_child(signal.SIGSTOP)
    with pytest.raises(RuntimeCrashedError, match="gave no sign of life for 2 s"):
        profile(net, timeout_s=2)
    assert psutil.Process().children() == []


def _run(duration: float, *nodes: tuple[str, str, float]) -> Run:
    return Run(duration, tuple(NodeTime(name, op, "CPUExecutionProvider", own) for name, op, own in nodes))


def test_means_and_shares() -> None:
    runs = [
        _run(1000.0, ("a", "Conv", 600.0), ("b", "Conv", 200.0), ("c", "Relu", 200.0)),
        _run(1400.0, ("a", "Conv", 1000.0), ("b", "Conv", 200.0), ("c", "Relu", 200.0)),
    ]
    layers, operators = tabulate(runs, [Place(name, (name,)) for name in "abc"], {"a": 8_000_000, "z": 1}, 1.6)
    assert [(one.layer, one.mean_ms, one.share) for one in layers] == [
        ("a", 0.8, 0.5),
        ("b", 0.2, 0.125),
        ("c", 0.2, 0.125),
    ]
    assert [one.multiply_adds for one in layers] == [8_000_000, None, None]
    assert layers[0].multiply_adds_per_s == pytest.approx(1e10)
    assert [(one.op, one.nodes, one.mean_ms) for one in operators] == [("Conv", 2, 1.0), ("Relu", 1, 0.2)]


def test_the_runs_in_the_middle_are_those_that_nothing_held_up() -> None:
    assert sorted(middle_of([1.0, 9.0, 1.1, 1.2, 0.5, 1.3, 8.0, 1.1])) == [2, 3, 5, 7]
    assert middle_of([3.0, 1.0]) == (1, 0)
    assert middle_of([3.0]) == (0,)


def test_a_node_that_runs_several_times_in_a_run() -> None:
    runs = [_run(10.0, ("a", "Conv", 1.0), ("a", "Conv", 3.0)), _run(10.0, ("a", "Conv", 4.0))]
    layers, _ = tabulate(runs, [Place("a", ("a",))] * 2, {}, 0.01)
    assert [(one.calls, one.mean_ms) for one in layers] == [(1.5, 0.004)]
