"""Classifiers with one logit, and with several labels at once: their probabilities are sigmoids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest

from resnet_export import ResNetSpec, Weights, export, verify
from resnet_export.network.evaluation import outputs_of
from resnet_export.parity.gate.evaluation import activate
from resnet_export.parity.gate.gate import compare
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from pathlib import Path

SPEC = ResNetSpec(18, 1, image_size=32, width=8, stem="cifar")
IMAGES = np.random.default_rng(0).standard_normal((4, 3, 32, 32), dtype=np.float32)


@pytest.fixture(scope="module", params=[("probabilities", 1), ("sigmoid", 1), ("sigmoid", 3)])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Weights]:
    head, classes = request.param
    spec = replace(SPEC, num_classes=classes)
    tensors = trained_like(spec, seed=2)
    tensors["fc.bias"] = tensors["fc.bias"] - np.float32(12)  # probabilities of about 1e-6
    weights = Weights(spec, tensors)
    path = tmp_path_factory.mktemp("one") / "net.onnx"
    assert export(weights, path, framework="torch" if classes == 3 else "keras", head=head).passed
    return path, weights


@pytest.mark.long
def test_the_file_gives_sigmoids_however_small_they_are(file: tuple[Path, Weights]) -> None:
    path, weights = file
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], {"input": IMAGES})
    expected = activate(outputs_of(weights.network, weights, IMAGES, ["fc"])[0], "sigmoid")
    assert expected.max() < 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.long
def test_verify_compares_the_logits_and_checks_the_head(file: tuple[Path, Weights], tmp_path: Path) -> None:
    path, weights = file
    report = verify(path, weights=weights, runtimes=["ort:cpu", "openvino", "torch"])
    assert report.failures == ()
    assert {entry.quantity for entry in report.comparisons} == {"logits"}

    proto = onnx.load(path)
    one = next(tensor for tensor in proto.graph.initializer if tensor.name == "sigmoid.one")
    one.CopyFrom(onnx.numpy_helper.from_array(np.float32([1e7]), one.name))
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "wrong.onnx")
    wrong = verify(tmp_path / "wrong.onnx", weights=weights, runtimes=["ort:cpu"])
    assert any("from the sigmoid of its logits" in failure for failure in wrong.failures)


@pytest.mark.long
def test_a_foreign_file_that_ends_in_a_sigmoid(file: tuple[Path, Weights], tmp_path: Path) -> None:
    path, weights = file
    proto = onnx.load(path)
    del proto.metadata_props[:]
    del proto.graph.node[-4:]
    proto.graph.node.append(onnx.helper.make_node("Sigmoid", ["logits"], ["probabilities"]))
    proto.graph.initializer.remove(next(one for one in proto.graph.initializer if one.name == "sigmoid.one"))
    onnx.save(proto, tmp_path / "foreign.onnx")
    for given in (None, weights):
        report = verify(tmp_path / "foreign.onnx", weights=given, runtimes=["ort:cpu"])
        assert report.failures == ()
        assert {entry.quantity for entry in report.comparisons} == {"logits"}


def test_one_logit_decides_by_its_sign() -> None:
    truth = np.array([[2.0], [-3.0], [1e-9]])
    right = compare("some", "random", "logits", truth, truth, 1e-7)
    assert (right.top1_agreed, right.top1_exempt, right.passed) == (3, 0, True)
    too_close = compare("some", "random", "logits", truth - 2e-7, truth, 1e-7)
    assert (too_close.top1_agreed, too_close.top1_exempt, too_close.passed) == (2, 1, True)
    assert not compare("some", "random", "logits", -truth, truth, 1e-7).passed
