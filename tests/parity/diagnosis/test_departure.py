"""A file that ONNX Runtime's optimiser spoils is not called wrong: the node is named, and whose mistake it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import quantize_dynamic

from resnet_export import verify
from resnet_export.machine.cpu import Cpu, read_cpu
from resnet_export.parity.diagnosis import departure
from resnet_export.parity.diagnosis.departure import OPTIMISER, OVERFLOW, overflow
from resnet_export.runtimes import parse_runtime
from tests.parity.sources import ORT
from tests.parity.test_own_graph import CORE, saved

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.runtimes.session import Precision

POOL = CORE.replace("r1 = Relu(c1)", "p1 = Pad(c1, pads) r1 = MaxPool<kernel_shape=[3,3], strides=[2,2]>(p1)")
"""ONNX Runtime merges the zeros into the pool, as if they were minus infinity. Where it is right, nothing is tested."""
PADS = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}


def test_the_node_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "pool.onnx", POOL, more=PADS)
    report = verify(path, runtimes=ORT)
    if report.passed:
        pytest.skip("this ONNX Runtime is right")
    assert report.diagnosis is not None
    assert (report.diagnosis.layer, report.diagnosis.side) == ("r1", "the file in ort:cpu")
    assert report.diagnosis.detail == (
        f"{OPTIMISER} changes the result at node MaxPool r1: the same file passes in ort:cpu,optimization=disabled"
    )
    assert report.located[1] == f"Likely cause: a mistake of {OPTIMISER}, and none of the file."
    assert verify(path, runtimes=["ort:cpu,optimization=disabled"]).passed


def test_a_mistake_of_the_file_is_none_of_the_optimiser(tmp_path: Path) -> None:
    right, wrong = (saved(tmp_path / name, POOL, more=PADS) for name in ("right.onnx", "wrong.onnx"))
    model = onnx.load(wrong)
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Identity"
    onnx.save(model, wrong)
    report = verify(wrong, weights=right, runtimes=ORT)
    assert not report.passed
    assert OPTIMISER not in str(report.diagnosis)


@pytest.mark.parametrize(
    ("vnni", "precision", "weight", "overflows"),
    [
        (False, "int8", -127, True),
        (False, "int8", -64, False),  # of 7 bits, as for a CPU without VNNI
        (False, "float32", -127, False),
        (True, "int8", -127, False),
    ],
)
def test_sums_that_overflow_without_vnni(
    vnni: bool, precision: Precision, weight: int, overflows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    weights = onnx.numpy_helper.from_array(np.full((2, 2), weight, np.int8), "weights")
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "net", [], [], [weights])), path)
    cpu = Cpu("a CPU", "x86_64", 2, 2, 2, {"AVX2": True, "VNNI": vnni}, False)
    monkeypatch.setattr(departure, "read_cpu", lambda: cpu)
    assert overflow("ort:cpu,threads=2", precision, path) == (OVERFLOW if overflows else None)
    assert overflow("ort:cpu,x64quantprecision=true", precision, path) is None
    assert overflow("openvino", precision, path) is None


@pytest.mark.long
@pytest.mark.skipif(not read_cpu().saturates, reason="sums of products of 8 bits don't overflow on this CPU")
def test_sums_that_overflow_here(tmp_path: Path) -> None:
    from resnet_export import quantize

    path, dynamic = tmp_path / "int8.onnx", tmp_path / "dynamic.onnx"
    source = saved(tmp_path / "float.onnx", CORE)
    quantize(source, path, calibrate_random=True, samples=8, target="x86-vnni", seconds=5, keep=True)
    quantize_dynamic(source, dynamic)
    for one in (path, dynamic):
        report = verify(one, runtimes=ORT)
        assert not report.passed
        assert report.located[1] == f"Likely cause: {OVERFLOW}."
        assert verify(one, runtimes=["ort:cpu,x64quantprecision=true"]).passed


def test_what_is_unoptimised() -> None:
    assert str(parse_runtime("ort:cpu,threads=2").unoptimised) == "ort:cpu,threads=2,optimization=disabled"
    assert parse_runtime("ort:cpu,optimization=disabled").unoptimised is None
    assert parse_runtime("openvino").unoptimised is None
