"""The truth of a foreign file is the network that is read off it, and that can be looked into without a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from resnet_export import export, verify
from resnet_export.errors import ModelError
from resnet_export.parity import verify as module
from resnet_export.runtimes import open_session

from .sources import ORT, SIZE, as_dict, branches, foreign, scaled

if TYPE_CHECKING:
    from pathlib import Path

OWN = "the file's own graph"
FORMS: list[dict[str, Any]] = [
    {},
    {"layout": "nhwc", "preprocess": "uint8"},
    {"head": "probabilities"},
    {"batch": 2, "layout": "nhwc"},
]
"""Interfaces of the files."""


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: "-".join(map(str, form.values())) or "plain")
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign file with three outputs."""
    folder = tmp_path_factory.mktemp("read")
    export(branches(as_dict), folder / "own.onnx", image_size=SIZE, **request.param)
    return foreign(folder / "own.onnx", folder / "file.onnx")


def in_place_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that takes the tensor `name` for 1.05 times what it is."""

    def opened(runtime: str, path: Path, **options: Any) -> Any:
        return open_session(runtime, scaled(path, path.parent / f"spoiled-{path.name}", name, 1.05))

    monkeypatch.setattr(module, "IsolatedSession", opened)


@pytest.mark.long
def test_a_foreign_file_is_read(file: Path) -> None:
    report = verify(file, runtimes=ORT, bisect=True)
    assert report.failures == ()
    assert report.truth == OWN
    assert len(report.notes) == 1
    assert report.bisection is not None
    assert report.bisection.first_wrong is None
    assert {"conv", "conv2", "aux", "fc"} <= {layer.layer for layer in report.bisection.layers if layer.value}


@pytest.mark.parametrize(("tensor", "layer"), [("conv2.weight", "conv2"), ("aux.bias", "aux")])
def test_a_runtime_that_is_wrong_names_its_layer(
    file: Path, tensor: str, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place_of(tensor, monkeypatch)
    report = verify(file, runtimes=ORT)
    assert not report.passed
    assert report.diagnosis is not None
    assert report.diagnosis.layer == layer
    assert report.diagnosis.side == "the file in ort:cpu"


def test_a_wrong_output_behind_right_layers(file: Path) -> None:
    report = verify(file, runtimes=["synthetic,error=0.01"])
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "fc"
    assert report.diagnosis.detail.startswith("each layer by itself is right")


def graph(path: Path, *behind: onnx.NodeProto, outputs: tuple[tuple[str, int, Any], ...]) -> Path:
    """A convolution, a mean over the picture, a product, and what follows that."""
    draw = np.random.default_rng(0)
    numbers = {"w": draw.standard_normal((6, 3, 3, 3)), "f": draw.standard_normal((6, 4))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["v"]),
        helper.make_node("MatMul", ["v", "f"], ["y"], "product"),
        *behind,
    ]
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in numbers.items()]
    given = [helper.make_tensor_value_info(*output) for output in outputs]
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    model = helper.make_model(helper.make_graph(nodes, "net", [taken], given, tensors), ir_version=8)
    model.opset_import[0].version = 17
    onnx.save(model, path)
    return path


LOGITS = ("y", TensorProto.FLOAT, ["N", 4])


def test_what_is_not_read_is_refused_by_name(tmp_path: Path) -> None:
    node = helper.make_node("Sinh", ["y"], ["z"], "sinh")
    path = graph(tmp_path / "net.onnx", node, outputs=(("z", TensorProto.FLOAT, ["N", 4]), LOGITS))
    with pytest.raises(ModelError, match="Node Sinh sinh: this operator is not read") as caught:
        verify(path, runtimes=ORT)
    assert caught.value.hint is not None
    assert "--weights" in caught.value.hint


def test_only_what_is_compared_has_to_be_read(tmp_path: Path) -> None:
    nodes = (helper.make_node("ArgMax", ["y"], ["best"], axis=1), helper.make_node("NonZero", ["y"], ["where"]))
    outputs = (LOGITS, ("best", TensorProto.INT64, ["N", 1]), ("where", TensorProto.INT64, [2, "M"]))
    report = verify(graph(tmp_path / "net.onnx", *nodes, outputs=outputs), runtimes=ORT, bisect=True)
    assert report.passed
    assert report.bisection is not None
    assert [note for note in report.notes if note.startswith("Not compared")] == [
        "Not compared: the output best, which is int64.",
        "Not compared: the output where, which is int64.",
    ]


def test_an_output_that_no_layer_makes(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["f"], ["numbers"])
    path = graph(tmp_path / "net.onnx", node, outputs=(LOGITS, ("numbers", TensorProto.FLOAT, [6, 4])))
    report = verify(path, runtimes=ORT)
    assert report.passed
    assert "Not compared: the output numbers, which no layer makes of the image." in report.notes


def test_a_later_output_that_is_wrong_fails(tmp_path: Path) -> None:
    node = helper.make_node("Sqrt", ["y"], ["root"], "root")
    report = verify(
        graph(tmp_path / "net.onnx", node, outputs=(LOGITS, ("root", TensorProto.FLOAT, ["N", 4]))), runtimes=ORT
    )
    assert not report.passed
    assert (
        report.failures[0] == "the file in ort:cpu: its output root can't be judged: the network itself gives values "
        "that are not finite for 1 random image, in float64."
    )


def test_one_image_whose_axis_was_left_out(tmp_path: Path) -> None:
    node = helper.make_node("Squeeze", ["y", "axes"], ["z"])
    path = graph(tmp_path / "net.onnx", node, outputs=(("z", TensorProto.FLOAT, [4]),))
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "axes"))
    onnx.save(model, path)
    (entry,) = verify(path, runtimes=ORT).comparisons
    assert entry.passed
    assert entry.batch == 1


def test_a_softmax_over_a_map_is_a_head(tmp_path: Path) -> None:
    nodes = (helper.make_node("Conv", ["p", "k"], ["m"], "head"), helper.make_node("Softmax", ["m"], ["z"], axis=1))
    path = graph(tmp_path / "net.onnx", *nodes, outputs=(("z", TensorProto.FLOAT, ["N", 4, 1, 1]),))
    model = onnx.load(path)
    kernel = np.random.default_rng(1).standard_normal((4, 6, 1, 1)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(kernel, "k"))
    onnx.save(model, path)
    report = verify(path, runtimes=ORT)
    assert report.failures == ()
    assert report.comparisons[0].quantity == "logits"


def test_an_open_batch_that_is_written_as_minus_one(tmp_path: Path) -> None:
    path = graph(tmp_path / "net.onnx", outputs=(("y", TensorProto.FLOAT, [-1, 4]),))
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    onnx.save(model, path)
    assert {entry.batch for entry in verify(path, runtimes=ORT).comparisons} == {1, 2, 7}
