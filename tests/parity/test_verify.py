"""Files against their checkpoints and against themselves, in every kind of runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import onnx
import pytest

from resnet_export import ModelError, UsageError, Weights, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Exported

ORT = ["ort:cpu"]


@pytest.mark.long
def test_on_every_runtime_with_photographs(exported: Exported, photos: Path) -> None:
    runtimes = ["ort:cpu", "torch", "keras"]
    report = verify(exported.path, weights=exported.checkpoint, images=photos, runtimes=runtimes)
    assert report.passed
    assert report.failures == ()
    assert {(item.runtime, item.inputs, item.batch) for item in report.comparisons} == {
        (runtime, *kind)
        for runtime in runtimes
        for kind in (("random", 1), ("random", 2), ("random", 7), ("pictures", 2))
    }
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["passed"] is True


def test_against_its_own_numbers(exported: Exported) -> None:
    assert verify(str(exported.path), runtimes=ORT).passed


@pytest.fixture
def tampered(exported: Exported, tmp_path: Path) -> Path:
    """One number of one layer is another."""
    proto = onnx.load(exported.path)
    (tensor,) = (item for item in proto.graph.initializer if item.name == "layer2.1.conv1.bias")
    array = onnx.numpy_helper.to_array(tensor).copy()
    array[3] += 0.5
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    onnx.save(proto, tmp_path / "tampered.onnx")
    return tmp_path / "tampered.onnx"


def test_a_changed_number_fails_without_the_checkpoint(tampered: Path) -> None:
    report = verify(tampered, runtimes=ORT)
    assert not report.passed
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "initializers"
    assert report.diagnosis.cause == "the file was changed after it was written"
    assert report.failures == ("initializers: the digest of the file's numbers is not the one in its metadata",)


def test_a_changed_number_is_located_with_the_checkpoint(tampered: Path, exported: Exported) -> None:
    report = verify(tampered, weights=exported.checkpoint, runtimes=ORT)
    assert not report.passed
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "layer2.1.conv1"
    assert report.diagnosis.side == "the file"
    assert report.diagnosis.detail.startswith("layer2.1.conv1.bias differs from the folded weights by")


def test_the_wrong_weights_fail(exported: Exported, trained: Callable[..., Weights]) -> None:
    report = verify(exported.path, weights=trained(exported.weights.spec, 1))
    assert not report.passed
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "other weights"


def test_the_weights_of_another_network_fail(exported: Exported) -> None:
    other = replace(exported.weights.spec, depth=34)
    report = verify(exported.path, weights=Weights.initial(other))
    assert not report.passed
    assert report.failures == ("specification: it has depth 18 and not 34, as the weights have",)


def test_a_changed_node_fails(exported: Exported, tmp_path: Path) -> None:
    proto = onnx.load(exported.path)
    relu = next(node for node in proto.graph.node if node.name == "layer3.0.relu1")
    relu.op_type = "Sigmoid"
    onnx.save(proto, tmp_path / "changed.onnx")
    report = verify(tmp_path / "changed.onnx")
    assert not report.passed
    assert report.diagnosis is not None
    assert (report.diagnosis.layer, report.diagnosis.cause) == ("layer3.0.relu1", "a ReLU is missing")


def test_what_is_no_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="is no ONNX file: it is a text"):
        verify(tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="There is no file"):
        verify(tmp_path / "missing.onnx")


def test_an_unknown_runtime_is_an_error(exported: Exported) -> None:
    with pytest.raises(UsageError) as caught:
        verify(exported.path, runtimes=["tourch"])
    assert caught.value.message == "There is no runtime 'tourch'."
    assert caught.value.hint.startswith("Did you mean torch? Known are ort:cpu, ort:cuda, ")
