"""Wrong files that try to pass, and right ones that are hard to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from resnet_export import ParityError, ResNetSpec, Weights, export, verify
from resnet_export.graph.metadata import initializers_digest
from resnet_export.parity.gate.gate import compare
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = ResNetSpec(18, 10, image_size=32, width=8)
WEIGHTS = Weights(SPEC, trained_like(SPEC, seed=5))
ORT = ["ort:cpu"]


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network as this package writes it."""
    path = tmp_path_factory.mktemp("canonical") / "net.onnx"
    export(WEIGHTS, path, framework="keras", labels=[f"class {i}" for i in range(10)])
    return path


@pytest.fixture(scope="module")
def foreign(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`foreign(change)`: the network as a file that says nothing of itself, after `change` of its graph."""
    folder = tmp_path_factory.mktemp("foreign")

    def made(change: Callable[[onnx.ModelProto], None] = lambda model: None, name: str = "net") -> Path:
        model = onnx.load(canonical)
        del model.metadata_props[:]
        for node in model.graph.node:  # its names are not the specification's
            node.name = ""
            node.output[:] = [f"v{output}" if output != "logits" else output for output in node.output]
            known = {tensor.name for tensor in model.graph.initializer} | {"input", "logits"}
            node.input[:] = [value if value in known else f"v{value}" for value in node.input]
        change(model)
        path = folder / f"{name}.onnx"
        onnx.save(model, path)
        return path

    return made


def scaled(name: str, factor: float) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        tensor = next(one for one in model.graph.initializer if one.name == name)
        array = (numpy_helper.to_array(tensor) * factor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, name))

    return change


def with_softmax(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1))
    model.graph.output[0].name = "probabilities"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_what_is_not_finite_fails(value: float, weights: Weights | None, foreign: Callable[..., Path]) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        tensor = next(one for one in model.graph.initializer if one.name == "fc.bias")
        array = numpy_helper.to_array(tensor).copy()
        array[3] = value
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    report = verify(foreign(spoil), weights=weights, runtimes=ORT)
    assert not report.passed
    assert all(entry.top1_agreed == 0 for entry in report.comparisons)


@pytest.mark.parametrize("other_error", [np.inf, np.nan])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_no_comparison_with_infinity_passes(other_error: float, bad: float) -> None:
    truth = np.array([[1.0, 2.0]])
    spoilt = np.array([[bad, 2.0]])
    for found, exact in ((spoilt, truth), (truth, spoilt), (spoilt, spoilt)):
        assert not compare("some", "random", "logits", found, exact, other_error).passed
    assert compare("some", "random", "logits", truth, truth, other_error).passed
    assert not compare("some", "random", "logits", truth + 1e-3, truth, other_error).passed


def test_a_network_that_overflows_is_not_exported(tmp_path: Path) -> None:
    tensors = dict(WEIGHTS)
    tensors["bn1.weight"] = tensors["bn1.weight"] * np.float32(1e38)
    with pytest.raises(ParityError):
        export(Weights(SPEC, tensors), tmp_path / "net.onnx", framework="keras")
    assert list(tmp_path.iterdir()) == []


def test_what_no_layer_uses_does_not_loosen_the_rule(foreign: Callable[..., Path]) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        scaled("layer3.0.conv1.weight", 1.0005)(model)
        half = numpy_helper.from_array(np.float16([1]), "half")
        zero = [numpy_helper.from_array(np.float32(1), "scale"), numpy_helper.from_array(np.int8([0]), "nothing")]
        model.graph.initializer.extend([half, *zero])
        model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["nothing", "scale"], ["unused"]))

    report = verify(foreign(spoil), weights=WEIGHTS, runtimes=ORT)
    assert not report.passed
    assert [result.precision for result in report.runtimes] == ["float32"]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_behind_a_softmax_the_logits_are_compared(weights: Weights | None, foreign: Callable[..., Path]) -> None:
    report = verify(foreign(with_softmax), weights=weights, runtimes=["ort:cpu", "opencv", "tract"])
    assert report.failures == ()
    assert {entry.quantity for entry in report.comparisons} == {"logits"}


def test_saturated_probabilities_do_not_hide_wrong_logits(foreign: Callable[..., Path]) -> None:
    confident = dict(WEIGHTS)
    for name in ("fc.weight", "fc.bias"):
        confident[name] = confident[name] * np.float32(1e4)

    def spoil(model: onnx.ModelProto) -> None:
        for name in ("fc.weight", "fc.bias"):
            scaled(name, 1e4)(model)
        scaled("layer3.0.conv1.weight", 1.001)(model)
        with_softmax(model)

    report = verify(foreign(spoil), weights=Weights(SPEC, confident), runtimes=["ort:cpu", "opencv"])
    assert [result.status for result in report.runtimes] == ["failed", "failed"]


def test_a_wrong_softmax_fails(foreign: Callable[..., Path]) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        with_softmax(model)
        model.graph.node[-1].attribute[0].i = 0  # over the batch

    report = verify(foreign(spoil), weights=WEIGHTS, runtimes=ORT)
    assert not report.passed
    assert [result.status for result in report.runtimes] == ["failed"]
    assert any("from the softmax of its logits" in failure for failure in report.failures)


@pytest.mark.parametrize(
    "layer", ["layer2.0.conv1", "layer2.0.conv2", "layer2.0.downsample.0", "layer4.0.conv1", "layer4.1.conv2"]
)
@pytest.mark.parametrize("factor", [1.5, pytest.param(-1.0, marks=pytest.mark.long)])
def test_the_layer_is_named_in_blocks_of_every_kind(layer: str, factor: float, foreign: Callable[..., Path]) -> None:
    """Beside a right branch, a wrong one is still the wrong one."""

    def spoil(model: onnx.ModelProto) -> None:
        scaled(f"{layer}.weight", factor)(model)
        scaled(f"{layer}.bias", factor)(model)

    report = verify(foreign(spoil), weights=WEIGHTS, runtimes=ORT)
    assert report.diagnosis is not None
    assert report.diagnosis.layer == layer


def test_another_number_of_classes_is_said_at_once(foreign: Callable[..., Path]) -> None:
    other = ResNetSpec(18, 12, image_size=32, width=8)
    report = verify(foreign(), weights=Weights.initial(other), runtimes=ORT)
    assert report.failures == ("fc: it gives 10 values, and the weights have 12 classes",)


def test_a_file_against_itself_says_what_that_means(foreign: Callable[..., Path], photos: Path) -> None:
    report = verify(foreign(), runtimes=ORT, images=photos)
    assert report.passed
    assert "not which network it is" in report.notes[0]
    assert "as ImageNet's" in report.notes[1]


def test_a_rectangular_file_is_verified_without_pictures(foreign: Callable[..., Path], photos: Path) -> None:
    def widen(model: onnx.ModelProto) -> None:
        for axis, size in ((2, 32), (3, 64)):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size

    report = verify(foreign(widen), runtimes=ORT, images=photos)
    assert report.passed
    assert any("takes 32 x 64" in note for note in report.notes)


def quantised(model: onnx.ModelProto) -> None:
    """Every convolution's weight goes through 8 bits."""
    for node in [node for node in model.graph.node if node.op_type == "Conv"]:
        tensor = next(one for one in model.graph.initializer if one.name == node.input[1])
        array = numpy_helper.to_array(tensor)
        scale = (np.abs(array).max(axis=(1, 2, 3)) / 127).astype(np.float32)
        rounded = np.rint(array / scale[:, None, None, None]).astype(np.int8)
        name = tensor.name
        model.graph.initializer.remove(tensor)
        zeros = np.zeros(len(scale), np.int8)
        model.graph.initializer.extend(
            numpy_helper.from_array(value, f"{name}.{part}")
            for part, value in (("q", rounded), ("scale", scale), ("zero", zeros))
        )
        inputs = [f"{name}.{part}" for part in ("q", "scale", "zero")]
        position = list(model.graph.node).index(node)
        model.graph.node.insert(position, helper.make_node("DequantizeLinear", inputs, [name], axis=0))


def test_a_quantised_file_is_held_against_its_own_graph(foreign: Callable[..., Path]) -> None:
    """Of opset 17, whose quantisation onnx's own evaluator does not have."""

    def change(model: onnx.ModelProto) -> None:
        quantised(model)
        gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
        assert gemm.input[1] == "fc.weight"

    report = verify(foreign(change), runtimes=ORT)
    assert report.failures == ()
    assert max(entry.ratio for entry in report.comparisons) < 4, "its sums are float32's"


def test_labels_that_do_not_fit_fail(canonical: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    model = onnx.load(canonical)
    entry = next(one for one in model.metadata_props if one.key == "resnet_export.labels")
    entry.value = '["one"]'
    onnx.save(model, path)
    report = verify(path, runtimes=ORT)
    assert report.failures == ("metadata: it has 1 labels for 10 classes",)


def test_half_precision_names_the_layer_too(foreign: Callable[..., Path]) -> None:
    def halve(model: onnx.ModelProto) -> None:
        scaled("layer4.0.conv2.weight", 1.5)(model)
        scaled("layer4.0.conv2.bias", 1.5)(model)
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = TensorProto.FLOAT16

    report = verify(foreign(halve), weights=WEIGHTS, runtimes=ORT)
    assert [result.precision for result in report.runtimes] == ["float16"]
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "layer4.0.conv2"


def test_digest_is_of_the_numbers(canonical: Path) -> None:
    from resnet_export.graph.file import read

    found: Any = read(canonical)
    assert initializers_digest(found) in found.metadata_props["resnet_export.initializers_digest"]
