from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.errors import ModelError
from resnet_export.graph import file
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.file import write as write_model
from resnet_export.inspect import Port, inspect
from resnet_export.report.inspect import render
from resnet_export.terminal import WIDTH
from tests.inspect.graphs import edit, model_of, reroute, tamper, zeros

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import onnx

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights
    from tests.inspect.conftest import Write


def damage_metadata(proto: onnx.ModelProto) -> None:
    next(entry for entry in proto.metadata_props if entry.key == "resnet_export.interface").value = "{"


def test_a_file_of_ours(write: Write, small: ResNetSpec, trained: Callable[..., Weights]) -> None:
    path = write(small)
    report = inspect(path)
    assert report.path == str(path)
    assert report.size == path.stat().st_size
    assert report.data == {}
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (report.ir_version, report.opsets) == (8, {"ai.onnx": 17})
    assert report.producer.startswith("resnet-export ")
    assert report.inputs == (Port("input", "float32", ("batch", 3, 32, 32)),)
    assert report.outputs == (Port("logits", "float32", ("batch", 10)),)
    assert report.operators == {
        "Conv": 20, "Relu": 17, "Add": 8, "Flatten": 1, "Gemm": 1, "GlobalAveragePool": 1, "MaxPool": 1,
    }  # fmt: skip
    norms = sum(step.parameters["weight"][0] for step in small.network.steps if step.op == "BatchNormalization")
    assert report.parameters == small.trainable_parameters - norms, "a weight and a bias of a batch norm become one"
    assert report.multiply_adds == small.multiply_adds
    assert {(layer.weights, layer.activations) for layer in report.layers} == {("float32", "float32")}
    assert [layer.name for layer in report.layers][:2] == ["conv1", "layer1.0.conv1"]
    assert report.metadata is not None
    assert report.metadata.spec == small
    assert report.metadata.weights_digest == trained(small).digest
    assert (report.canonical, report.intact, report.faults, report.passed) == (True, True, (), True)


@pytest.mark.parametrize(
    "variant",
    [{"layout": "nhwc", "preprocess": "uint8"}, {"head": "embedding", "batch": 2}, {"dynamic_size": True, "opset": 13}],
)
def test_every_interface_is_canonical(variant: dict[str, Any], write: Write, tiny: ResNetSpec) -> None:
    assert inspect(write(tiny, **variant)).passed is True


@pytest.mark.parametrize(
    ("change", "canonical", "intact", "fault"),
    [
        (tamper, True, False, "The digest of its numbers is not the one in its metadata"),
        (reroute, False, True, "layer2.0.conv1: dilations is (2, 2)"),
        (damage_metadata, None, None, "metadata is damaged"),
    ],
)
def test_what_is_not_as_the_file_says(
    change: Callable[[onnx.ModelProto], None],
    canonical: bool | None,
    intact: bool | None,
    fault: str,
    write: Write,
    tiny: ResNetSpec,
) -> None:
    path = write(tiny)
    edit(path, change)
    report = inspect(path)
    assert (report.canonical, report.intact, report.passed) == (canonical, intact, False)
    (said,) = report.faults
    assert fault in said
    text = render(report)
    assert "FAILED: the file is not what it says of itself." in text
    assert " ".join(said.split()) in " ".join(text.split())


def test_a_file_of_someone_else(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    proto = model_of(
        "(float[N,3,8,8] image, float[N,6] other) => (float[N,6] y)",
        "a = Conv(image, w) b = GlobalAveragePool(a) c = Flatten(b) y = com.microsoft.Own(c, other)",
        **zeros(w=(6, 3, 1, 1)),
    )
    proto.metadata_props.add(key="author", value="someone")
    path.write_bytes(proto.SerializeToString())
    report = inspect(path)
    assert report.image is None
    assert [port.name for port in report.inputs] == ["image", "other"]
    assert report.outputs == (Port("y", "float32", ("N", 6)),)
    assert report.operators == {"Conv": 1, "Flatten": 1, "GlobalAveragePool": 1, "com.microsoft.Own": 1}
    assert (report.parameters, report.multiply_adds) == (18, 6 * 64 * 3)
    assert report.other_metadata == {"author": "someone"}
    assert (report.metadata, report.canonical, report.intact, report.passed) == (None, None, None, None)
    text = render(report)
    assert "Not written by resnet-export" in text
    assert "other keys     author" in text


def test_scales_shapes_and_old_files_inputs_are_no_parameters(tmp_path: Path) -> None:
    path = tmp_path / "old.onnx"
    proto = model_of(
        "(float[N,3,8,8] x, int8[6,3,1,1] q) => (float[N,384] y)",
        "w = DequantizeLinear(q, s, z) a = Conv(x, w) y = Reshape(a, shape)",
        q=np.zeros((6, 3, 1, 1), np.int8),
        s=np.float32(1),
        z=np.int8(0),
        shape=np.array([-1, 384]),
    )
    path.write_bytes(proto.SerializeToString())
    report = inspect(path)
    assert report.parameters == 18
    assert [port.name for port in report.inputs] == ["x"], "an initializer is no input"
    assert "int8 weights and float32 activations: 1 layer" in render(report)


def test_numbers_beside_the_file(write: Write, tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "EXTERNAL_ABOVE", 1000)
    path = write(tiny)
    report = inspect(path)
    beside = path.with_name("ours.onnx.data").stat().st_size
    assert report.data == {"ours.onnx.data": beside}
    assert report.passed is True
    assert f"numbers in     ours.onnx.data, {beside / 1e3:.1f} kB" in render(report)


def test_json(write: Write, tiny: ResNetSpec) -> None:
    data = json.loads(json.dumps(inspect(write(tiny)).as_dict(), allow_nan=False))
    assert data["schema_version"] == 2
    assert data["passed"] is True
    assert data["metadata"]["spec"] == tiny.as_dict()
    assert data["inputs"] == [{"name": "input", "dtype": "float32", "shape": ["batch", 3, 32, 32]}]
    assert data["multiply_adds"] == tiny.multiply_adds == sum(layer["multiply_adds"] for layer in data["layers"])
    assert data["image_size"] == [32, 32]


def test_one_screen_of_80_columns(write: Write, tiny: ResNetSpec) -> None:
    path = write(tiny, layout="nhwc", preprocess="uint8")
    model = read(path)
    labels = tuple(f"a rather long name of a class, number {index}" for index in range(10))
    write_model(model, path, dataclasses.replace(read_metadata(model, path), labels=labels))
    lines = render(inspect(path)).splitlines()
    assert max(map(len, lines[1:])) <= WIDTH
    assert len(lines) <= 24
    text = " ".join(" ".join(lines).split())
    assert "labels 10 in all, 0 a rather" in text
    assert "input: uint8 (batch, 32, 32, 3), NHWC" in text
    assert "normalised in the file" in text
    assert "precision float32: 21 layers" in text


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        inspect(tmp_path / "missing.onnx")
