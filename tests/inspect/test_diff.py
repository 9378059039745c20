from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import onnx
import pytest

from resnet_export.inspect import Change, diff
from resnet_export.report.inspect import ROWS, render_diff
from resnet_export.terminal import WIDTH
from tests.inspect.graphs import edit, model_of, reroute, tamper, zeros

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.inspect import ModelDiff
    from resnet_export.spec import ResNetSpec
    from tests.inspect.conftest import Write


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[onnx.ModelProto, onnx.ModelProto], ModelDiff]:
    def compare(first: onnx.ModelProto, second: onnx.ModelProto) -> ModelDiff:
        (tmp_path / "a.onnx").write_bytes(first.SerializeToString())
        (tmp_path / "b.onnx").write_bytes(second.SerializeToString())
        return diff(tmp_path / "a.onnx", tmp_path / "b.onnx")

    return compare


def convolution(body: str = "a = Conv(x, w) y = Relu(a)", **weights: Any) -> onnx.ModelProto:
    return model_of("(float[N,3,8,8] x) => (float[N,6,8,8] y)", body, **(weights or zeros(w=(6, 3, 1, 1))))


def renamed(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with other names for everything."""
    for node in proto.graph.node:
        node.name = f"other/{node.name}"
        node.input[:] = [f"v_{name}" for name in node.input]
        node.output[:] = [f"v_{name}" for name in node.output]
    for entry in (*proto.graph.initializer, *proto.graph.input, *proto.graph.output):
        entry.name = f"v_{entry.name}"
    return proto


def test_a_file_and_itself(write: Write, tiny: ResNetSpec) -> None:
    path = write(tiny)
    found = diff(path, path)
    assert found.same
    assert found.tensors == 42
    assert render_diff(found).endswith("The same, byte for byte.")


def test_the_same_stored_otherwise(compared: Any) -> None:
    other = convolution()
    for tensor in other.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).ravel().tolist()
        tensor.ClearField("raw_data")
        tensor.float_data.extend(values)
    found = compared(convolution(), other)
    assert found.same
    assert found.sha256[0] != found.sha256[1]
    assert render_diff(found).endswith("No difference but in how they are stored.")


def test_one_bit_of_one_weight(write: Write, tiny: ResNetSpec) -> None:
    first, second = write(tiny, "a.onnx"), write(tiny, "b.onnx")
    edit(second, tamper)
    found = diff(first, second)
    (change,) = found.weights
    assert (change.name, change.other_name, change.differing, change.max_ulp) == ("fc.bias", "fc.bias", 1, 1)
    assert change.max_ulp_of_largest is not None
    assert 0 < change.max_ulp_of_largest <= 1
    assert (found.structure, found.metadata, found.header, found.same) == ((), (), (), False)
    assert "Weights: 1 of 42 tensors differ, the worst first" in render_diff(found)


def test_an_attribute(write: Write, tiny: ResNetSpec) -> None:
    first, second = write(tiny, "a.onnx"), write(tiny, "b.onnx")
    edit(second, reroute)
    found = diff(first, second)
    assert found.matched_by == "name"
    assert found.structure == (Change("layer2.0.conv1", "dilations", (1, 1), (2, 2)),)
    assert "  layer2.0.conv1 dilations: (1, 1) -> (2, 2)" in render_diff(found)


def test_an_attribute_that_is_left_out_is_its_default(compared: Any) -> None:
    written_out = 'a = Conv<group = 1, dilations = [1, 1], auto_pad = "NOTSET">(x, w) y = LeakyRelu<alpha = 0.01>(a)'
    assert compared(convolution("a = Conv(x, w) y = LeakyRelu(a)"), convolution(written_out)).structure == ()
    (change,) = compared(convolution(), convolution("a = Conv<strides = [2, 2]>(x, w) y = Relu(a)")).structure
    assert (change.what, change.first, change.second) == ("strides", (1, 1), (2, 2))


def test_another_operator(compared: Any) -> None:
    found = compared(convolution(), convolution("a = Conv(x, w) y = Sigmoid(a)"))
    assert found.structure == (Change("node1", "operator", "Relu", "Sigmoid"),)


def test_a_node_more(compared: Any) -> None:
    other = convolution("a = Conv(x, w) b = Relu(a) y = Clip(b)")
    other.graph.node[1].name, other.graph.node[2].name = "new", "node1"
    other.graph.node[2].op_type = "Relu"
    found = compared(convolution(), other)
    assert found.structure == (Change("node1", "input 0", "node0", "new"), Change("new", "", None, "Relu"))
    assert "+ new: Relu" in render_diff(found)
    back = compared(other, convolution())
    assert Change("new", "", "Relu", None) in back.structure
    assert "- new: Relu" in render_diff(back)


def test_names_that_differ_entirely(compared: Any) -> None:
    found = compared(convolution(), renamed(convolution()))
    assert found.matched_by == "position"
    assert (found.structure, found.weights, found.unmatched) == ((), (), ((), ()))
    assert found.header == (Change("input 0", "name", "x", "v_x"), Change("output 0", "name", "y", "v_y"))
    assert found.tensors == 1


def test_by_position_a_node_more_does_not_shift_the_rest(compared: Any) -> None:
    found = compared(
        convolution("a = Conv(x, w) b = Relu(a) y = Conv(b, v)", **zeros(w=(6, 3, 1, 1), v=(6, 6, 1, 1))),
        renamed(convolution("n = Neg(x) a = Conv(n, w) b = Relu(a) y = Conv(b, v)",
                            **zeros(w=(6, 3, 1, 1), v=(6, 6, 1, 1)))),
    )  # fmt: skip
    assert found.structure == (
        Change("other/node0", "", None, "Neg"),
        Change("node0", "input 0", "x", "other/node0"),
    )
    assert found.weights == ()


def test_the_order_of_the_file_does_not_count(compared: Any) -> None:
    body = "a = Conv(x, w) b = Relu(x) c = Conv(b, w) y = Add(a, c)"
    other = renamed(convolution(body))
    nodes = list(other.graph.node)
    del other.graph.node[:]
    other.graph.node.extend(nodes[index] for index in (1, 2, 0, 3))
    assert compared(convolution(body), other).structure == ()


def test_constants_in_whatever_form(compared: Any) -> None:
    other = convolution("c = Identity(w) a = Conv(x, c) y = Relu(a)")
    for name, node in zip(("copy", "node0", "node1"), other.graph.node, strict=True):
        node.name = name
    assert compared(convolution(), other).same


def test_tensors_of_one_file_only(compared: Any) -> None:
    found = compared(convolution(), convolution("a = Conv(x, w, b) y = Relu(a)", **zeros(w=(6, 3, 1, 1), b=(6,))))
    assert found.unmatched == ((), ("b",))
    assert found.structure == (Change("node0", "input 2", None, "b"),)
    assert "+ 1 tensor only here: b" in render_diff(found)


def test_other_shapes_come_first(compared: Any) -> None:
    weights = zeros(w=(6, 3, 1, 1), v=(6, 6, 1, 1))
    body = "b = Conv(x, w) y = Conv(b, v)"
    changed = zeros(w=(6, 3, 1, 1), v=(5, 6, 1, 1))
    changed["w"][0] = math.inf
    found = compared(convolution(body, **weights), convolution(body, **changed))
    assert [(change.name, change.max_ulp_of_largest) for change in found.weights] == [("v", None), ("w", math.inf)]
    assert "  v: 6x6x1x1 -> 5x6x1x1" in render_diff(found)
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert data["weights"][1]["max_ulp"] == "inf"
    assert data["same"] is False


def test_a_file_without_metadata_lacks_each_key(write: Write, tiny: ResNetSpec) -> None:
    first, second = write(tiny, "a.onnx"), write(tiny, "b.onnx")
    proto = onnx.load_model(second)
    del proto.metadata_props[:]
    onnx.save_model(proto, second)
    found = diff(first, second)
    assert Change("interface.opset", "", 17, None) in found.metadata
    assert all(not isinstance(change.first, dict) for change in found.metadata)
    assert "\n- interface.opset: 17\n" in render_diff(found)


def test_metadata_key_by_key(write: Write, tiny: ResNetSpec) -> None:
    first, second = write(tiny, "a.onnx"), write(tiny, "b.onnx", batch=4, opset=18)
    found = diff(first, second)
    assert found.metadata == (Change("interface.batch", "", None, 4), Change("interface.opset", "", 17, 18))
    assert Change("opset of ai.onnx", "", 17, 18) in found.header
    assert Change("input 0", "shape", ("batch", 3, 32, 32), (4, 3, 32, 32)) in found.header
    assert "  interface.opset: 17 -> 18" in render_diff(found)


def test_one_screen_of_80_columns(write: Write, tiny: ResNetSpec, small: ResNetSpec, trained: Any) -> None:
    found = diff(write(small, "a.onnx"), write(tiny, "b.onnx", layout="nhwc", head="probabilities"))
    lines = render_diff(found).splitlines()
    assert max(len(line) for line in lines if ".onnx" not in line) <= WIDTH
    assert len(lines) <= 4 * (ROWS + 4) + 4
    assert any(line.startswith("- maxpool: MaxPool") for line in lines)


def test_long_texts_are_shown_where_they_differ(compared: Any) -> None:
    """One is the other's beginning, they differ in their middle, at their end or in the first letter."""
    long = "abcdefgh" * 20
    texts = {"middle": f"{long}1{long}", "end": f"{long}1", "longer": long, "first": f"1{long}"}
    others = {"middle": f"{long}2{long}", "end": f"{long}2", "longer": f"{long}{long}", "first": f"2{long}"}
    first, second = convolution(), convolution()
    for model, props in ((first, texts), (second, others)):
        for key, value in props.items():
            model.metadata_props.add(key=key, value=value)
    shown = " ".join(render_diff(compared(first, second)).split())
    assert "end: abcdefghabcdefg...cdefghabcdefgh1 -> abcdefghabcdefg...cdefghabcdefgh2" in shown
    assert "first: 1abcdefghabcdef...bcdefghabcdefgh -> 2abcdefghabcdef...bcdefghabcdefgh" in shown
    assert "longer: ...abcdefgh -> ...abcdefghabcdefghabcdefghabcdefghab..." in shown
    assert "middle: ...abcdefgh1abcdefghabcdefghabcdefgha... -> ...abcdefgh2abcdefghabcdefghabcdefgha..." in shown
