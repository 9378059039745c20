"""Files of ours that another tool changed afterwards are called what they are, and judged as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16

from resnet_export import ModelError, ResNetSpec, Weights, export, verify
from resnet_export.parity.results import OTHER_WEIGHTS
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = ResNetSpec(18, 10, image_size=32, width=8)
WEIGHTS = Weights(SPEC, trained_like(SPEC, seed=5))
ORT = ["ort:cpu"]


class Random(CalibrationDataReader):
    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.images = iter([generator.standard_normal((1, 3, 32, 32), dtype=np.float32) for _ in range(8)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"input": image}


def quantised(form: QuantFormat) -> Callable[[Path, Path], None]:
    def change(source: Path, target: Path) -> None:
        # With 7 bits for the weights: where a CPU has no VNNI, ONNX Runtime's sums of products of 8 bits saturate.
        quantize_static(source, target, Random(), quant_format=form, per_channel=True, reduce_range=True)

    return change


def dynamic(source: Path, target: Path) -> None:
    quantize_dynamic(source, target)


def halved(source: Path, target: Path) -> None:
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def half_throughout(source: Path, target: Path) -> None:
    onnx.save(convert_float_to_float16(onnx.load(source)), target)


def to_opset_21(source: Path, target: Path) -> None:
    onnx.save(version_converter.convert_version(onnx.load(source), 21), target)


def optimised(source: Path, target: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


CHANGES: dict[str, tuple[Callable[[Path, Path], None], str, str]] = {
    "QDQ": (quantised(QuantFormat.QDQ), "it was quantised to int8; its numbers are no longer those", "int8"),
    "QOperator": (
        quantised(QuantFormat.QOperator),
        "it was quantised to int8; its numbers are no longer those",
        "int8",
    ),
    "dynamic": (dynamic, "it was quantised to int8; its numbers are no longer those", "int8"),
    "half": (halved, "it was converted to float16; its numbers are no longer those", "float16"),
    "half throughout": (half_throughout, "it was converted to float16; its numbers are no longer those", "float16"),
    "opset": (to_opset_21, "it was converted from opset 17 to 21; its numbers are still those", "float32"),
}


@pytest.fixture(scope="module", params=["logits", "probabilities"])
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ours") / "ours.onnx"
    export(WEIGHTS, path, framework="keras", head=request.param, verify=False)
    return path


@pytest.mark.filterwarnings("ignore::UserWarning")  # numbers that float16 rounds to 0
@pytest.mark.parametrize("name", CHANGES)
def test_it_is_called_what_it_is_and_passes(name: str, ours: Path, tmp_path: Path) -> None:
    change, words, precision = CHANGES[name]
    change(ours, tmp_path / "changed.onnx")
    report = verify(tmp_path / "changed.onnx", runtimes=ORT)
    assert report.failures == ()
    assert report.notes[0].startswith(f"Another tool changed the file after its export: {words}")
    assert [result.precision for result in report.runtimes] == [precision]
    assert report.diagnosis is None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["half", "opset"])
def test_beside_its_checkpoint_it_is_the_same_network(name: str, ours: Path, tmp_path: Path) -> None:
    CHANGES[name][0](ours, tmp_path / "changed.onnx")
    report = verify(tmp_path / "changed.onnx", weights=WEIGHTS, runtimes=ORT)
    assert report.failures == ()
    assert report.truth == "the specification with the weights given"


@pytest.mark.parametrize("words", ["it was optimised for one runtime, with operators of com.microsoft.nchwc"])
def test_what_cannot_be_evaluated_is_called_what_it_is_too(words: str, ours: Path, tmp_path: Path) -> None:
    optimised(ours, tmp_path / "changed.onnx")
    with pytest.raises(ModelError, match=f"cannot be evaluated in float64: .* {words}") as caught:
        verify(tmp_path / "changed.onnx", runtimes=ORT)
    assert caught.value.hint is not None
    assert "--weights" in caught.value.hint
    report = verify(tmp_path / "changed.onnx", weights=WEIGHTS, runtimes=ORT)
    assert any(words in note for note in report.notes)
    assert report.failures == ()


@pytest.mark.long
@pytest.mark.parametrize(("name", "layer"), [("opset", "layer2.0.relu1"), ("half", None)])
def test_a_mistake_in_a_changed_file_is_found_all_the_same(
    name: str, layer: str | None, ours: Path, tmp_path: Path
) -> None:
    proto = onnx.load(ours)
    relu = next(node for node in proto.graph.node if node.name == "layer2.0.relu1")
    relu.op_type = "Identity"
    onnx.save(proto, tmp_path / "wrong.onnx")
    CHANGES[name][0](tmp_path / "wrong.onnx", tmp_path / "changed.onnx")
    report = verify(tmp_path / "changed.onnx", weights=WEIGHTS, runtimes=ORT)
    assert not report.passed
    if layer is not None:
        assert report.diagnosis is not None
        assert report.diagnosis.layer == layer


def test_the_numbers_of_another_checkpoint(ours: Path) -> None:
    other = Weights(SPEC, trained_like(SPEC, seed=6))
    report = verify(ours, weights=other, runtimes=ORT)
    assert report.diagnosis is not None
    assert report.diagnosis.layer == OTHER_WEIGHTS
    assert str(report.diagnosis) == (
        "Other weights, in the file: all 21 layers hold other numbers than the weights given."
    )


def test_one_tensor_of_another_checkpoint_is_a_wrong_layer(ours: Path) -> None:
    other = dict(WEIGHTS) | {"layer2.0.conv1.weight": WEIGHTS["layer2.0.conv1.weight"] * np.float32(1.5)}
    report = verify(ours, weights=Weights(SPEC, other), runtimes=ORT)
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "layer2.0.conv1"


def test_what_no_layer_uses_makes_no_quantised_file(ours: Path, tmp_path: Path) -> None:
    """Else a wrong number would pass under int8's rule."""
    proto = onnx.load(ours)
    nothing = [numpy_helper.from_array(np.float32(1), "scale"), numpy_helper.from_array(np.int8([0]), "nothing")]
    proto.graph.initializer.extend(nothing)
    proto.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", ["nothing", "scale"], ["unused"]))
    onnx.save(proto, tmp_path / "changed.onnx")
    report = verify(tmp_path / "changed.onnx", runtimes=ORT)
    assert not report.passed
    assert not any(note.startswith("Another tool") for note in report.notes)
