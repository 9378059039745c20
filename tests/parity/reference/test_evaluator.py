"""Any graph in float64: the fast operators against onnx's own, and whole files against ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from resnet_export.errors import ModelError
from resnet_export.graph.file import read, read_metadata
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.folding import unfolded
from resnet_export.parity.reference.evaluator import Conv, Evaluator, MaxPool

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Exported


def one_node(op: str, **attributes: Any) -> onnx.ModelProto:
    """A graph of one convolution or pooling."""
    inputs = ["x", "w", "b"] if op == "Conv" else ["x"]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inputs]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    node = onnx.helper.make_node(op, inputs, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "one", values, [output])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


@settings(suppress_health_check=[HealthCheck.too_slow])  # each of the first draws pays for an import
@given(
    op=st.sampled_from(["Conv", "MaxPool"]),
    kernel=st.integers(1, 4),
    other_kernel=st.one_of(st.none(), st.integers(1, 3)),
    stride=st.integers(1, 3),
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    auto_pad=st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]),
    dilation=st.sampled_from([1, 1, 2]),
    group=st.sampled_from([1, 1, 2]),
    size=st.integers(7, 10),
    seed=st.integers(0, 100),
)
def test_operators_give_what_onnx_runtime_gives(
    op: str, kernel: int, other_kernel: int | None, stride: int, pads: list[int], auto_pad: str, dilation: int,
    group: int, size: int, seed: int,
) -> None:  # fmt: skip
    """Whatever a convolution leaves to onnx, too. (Onnx's own pooling is not always the standard's.)"""
    generator = np.random.default_rng(seed)
    shape = [kernel, other_kernel or kernel]
    assume(stride <= min(shape))  # ONNX Runtime refuses a SAME pooling that skips values
    attributes: dict[str, Any] = {"kernel_shape": shape, "strides": [stride, stride]}
    if auto_pad != "NOTSET":
        attributes["auto_pad"] = auto_pad
    else:
        # A window that sees nothing but padding has no maximum.
        attributes["pads"] = [min(side, edge - 1) for side, edge in zip(pads, shape * 2, strict=True)]
        attributes["dilations"] = [dilation, dilation]
    feeds = {"x": generator.standard_normal((2, 4, size, size + 1), dtype=np.float32)}
    if op == "Conv":
        attributes["group"] = group
        feeds |= {
            "w": generator.standard_normal((6, 4 // group, *shape), dtype=np.float32),
            "b": generator.standard_normal(6, dtype=np.float32),
        }
    model = one_node(op, **attributes)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]
    found = ReferenceEvaluator(model, new_ops=[Conv, MaxPool]).run(None, feeds)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_canonical_file_gives_the_truth_of_its_specification_to_the_last_bit(exported: Exported) -> None:
    model = read(exported.path)
    network = unfolded(read_metadata(model, exported.path).canonical)
    numbers = {name: value.const_value.numpy() for name, value in model.graph.initializers.items() if value.const_value}
    images = np.random.default_rng(0).standard_normal((3, 3, 32, 32), dtype=np.float32)
    found = Evaluator(exported.path, "input", np.float64).output(images, singly=True)
    assert found.dtype == np.float64
    assert found.tobytes() == outputs_of(network, numbers, images, [network.output])[0].tobytes()


def test_float32_is_rounding_away_from_it(exported: Exported) -> None:
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)
    exact = Evaluator(exported.path, "input", np.float64).output(images, singly=True)
    rounded = Evaluator(exported.path, "input", np.float32).output(images, singly=False)
    runtime = onnxruntime.InferenceSession(str(exported.path)).run(None, {"input": images})[0]
    assert rounded.dtype == np.float32
    for found in (rounded, runtime):
        assert 0 < np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()


def test_casts_and_constants_are_widened_too(tmp_path: Path) -> None:
    """1/3 as a float32 constant, added to pixels that are cast to float32."""
    third = onnx.numpy_helper.from_array(np.array(1 / 3, np.float32))
    nodes = [
        onnx.helper.make_node("Cast", ["x"], ["cast"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Constant", [], ["third"], value=third),
        onnx.helper.make_node("Add", ["cast", "third"], ["y"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "casts",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [None, 1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 1])],
    )
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "casts.onnx",
    )
    found = Evaluator(tmp_path / "casts.onnx", "x", np.float64).output(np.array([[200]], np.uint8), singly=False)
    assert found == np.float64(np.float32(1 / 3)) + 200


def test_an_operator_that_nobody_knows(tmp_path: Path) -> None:
    model = one_node("MaxPool", kernel_shape=[2, 2])
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match=r"odd\.onnx cannot be evaluated in float64: ") as caught:
        Evaluator(tmp_path / "odd.onnx", "x", np.float64)
    assert caught.value.exit_code == 3
