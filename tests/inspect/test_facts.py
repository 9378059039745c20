from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from resnet_export.graph.foreign import ImageInput
from resnet_export.inspect.facts import measure_layers
from tests.inspect.graphs import model_of, zeros

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.inspect import Layer
    from resnet_export.spec import ResNetSpec
    from tests.inspect.conftest import Write


def layers(signature: str, body: str, **weights: Any) -> tuple[Layer, ...]:
    return measure_layers(ir.from_proto(model_of(signature, body, **weights)), None, None)


@pytest.mark.parametrize(
    ("signature", "body", "weights", "expected"),
    [
        ("(float[N,3,8,8] x) => (float[N,6,a,b] y)", "y = Conv(x, w)", zeros(w=(6, 3, 3, 3)), 6 * 6 * 6 * 3 * 9),
        (
            "(float[N,4,8,8] x) => (float[N,6,a,b] y)",
            "y = Conv<group = 2, strides = [2, 2]>(x, w)",
            zeros(w=(6, 2, 1, 1)),
            6 * 4 * 4 * 2,
        ),
        (
            "(float[N,3,8,8] x) => (float[N,6,a,b] y)",
            "y = ConvTranspose<strides = [2, 2]>(x, w)",
            zeros(w=(3, 6, 2, 2)),
            3 * 8 * 8 * 6 * 4,
        ),
        ("(float[N,5] x) => (float[N,7] y)", "y = Gemm<transB = 1>(x, w)", zeros(w=(7, 5)), 35),
        ("(float[5,1] x) => (float[1,7] y)", "y = Gemm<transA = 1>(x, w)", zeros(w=(5, 7)), 35),
        ("(float[N,2,5] x) => (float[N,2,7] y)", "y = MatMul(x, w)", zeros(w=(5, 7)), 70),
    ],
)
def test_formulas(signature: str, body: str, weights: dict[str, Any], expected: int) -> None:
    assert [layer.multiply_adds for layer in layers(signature, body, **weights)] == [expected]


@pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"])
def test_the_same_number_as_the_specification(network: str, write: Write, request: pytest.FixtureRequest) -> None:
    from resnet_export.inspect import inspect

    spec: ResNetSpec = request.getfixturevalue(network)
    for changes in ({}, {"batch": 3}, {"layout": "nhwc", "dynamic_size": True, "preprocess": "uint8"}):
        assert inspect(write(spec, **changes)).multiply_adds == spec.multiply_adds


def test_a_batch_that_is_fixed_is_divided_out() -> None:
    model = ir.from_proto(
        model_of("(float[4,3,8,8] x) => (float[4,6,8,8] y)", "y = Conv(x, w)", **zeros(w=(6, 3, 1, 1)))
    )
    (layer,) = measure_layers(model, ImageInput("x", "float32", "nchw", 3, 8, 8, 4), (8, 8))
    assert layer.multiply_adds == 6 * 64 * 3


def test_shapes_that_cannot_be_inferred_are_unknown() -> None:
    (layer,) = layers("(float[N,C,H,W] x) => (float[N,6,a,b] y)", "y = Conv(x, w)", **zeros(w=(6, 3, 1, 1)))
    assert layer.multiply_adds is None
    assert (layer.weights, layer.activations) == ("float32", "float32")


def test_half_precision() -> None:
    weight = {"w": np.zeros((6, 3, 1, 1), np.float16)}
    (layer,) = layers("(float16[N,3,8,8] x) => (float16[N,6,8,8] y)", "y = Conv(x, w)", **weight)
    assert (layer.weights, layer.activations, layer.quantized) == ("float16", "float16", None)


QUANTIZED = {
    "s": np.float32(0.1),
    "z": np.uint8(128),
    "zw": np.int8(0),
    "q": np.zeros((6, 3, 1, 1), np.int8),
}


def test_qdq() -> None:
    (layer,) = layers(
        "(float[N,3,8,8] x) => (float[N,6,8,8] y)",
        "xq = QuantizeLinear(x, s, z) xd = DequantizeLinear(xq, s, z) w = DequantizeLinear(q, s, zw) y = Conv(xd, w)",
        **QUANTIZED,
    )
    assert (layer.weights, layer.activations, layer.quantized) == ("int8", "uint8", "qdq")
    assert layer.multiply_adds == 6 * 64 * 3


def test_weights_alone_quantised() -> None:
    (layer,) = layers(
        "(float[N,3,8,8] x) => (float[N,6,8,8] y)", "w = DequantizeLinear(q, s, zw) y = Conv(x, w)", **QUANTIZED
    )
    assert (layer.weights, layer.activations, layer.quantized) == ("int8", "float32", None)


def test_qoperator() -> None:
    (layer,) = layers(
        "(uint8[N,3,8,8] x) => (uint8[N,6,8,8] y)", "y = QLinearConv(x, s, z, q, s, zw, s, z)", **QUANTIZED
    )
    assert (layer.weights, layer.activations, layer.quantized) == ("int8", "uint8", "qoperator")
    assert layer.multiply_adds == 6 * 64 * 3


def test_behind_an_operator_of_onnx_runtime() -> None:
    (first, second) = layers(
        "(uint8[N,3,8,8] x) => (uint8[N,6,8,8] y)",
        "a = QLinearConv(x, s, z, q, s, zw, s, z) b = com.microsoft.QLinearAdd(a, s, z, a, s, z, s, z)"
        " y = QLinearConv(b, s, z, r, s, zw, s, z)",
        **QUANTIZED,
        r=np.zeros((6, 6, 1, 1), np.int8),
    )
    assert (first.multiply_adds, second.multiply_adds) == (6 * 64 * 3, 6 * 64 * 6)


def test_inside_a_function() -> None:
    proto = model_of("(float[N,5] x) => (float[N,7] y)", "y = local.dense(x, w)", **zeros(w=(5, 7)))
    proto.opset_import.append(onnx.helper.make_opsetid("local", 1))
    proto.functions.append(
        onnx.helper.make_function(
            "local",
            "dense",
            ["a", "b"],
            ["c"],
            [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])],
            [onnx.helper.make_opsetid("", 17)],
        )
    )
    (layer,) = measure_layers(ir.from_proto(proto), None, None)
    assert (layer.op, layer.multiply_adds) == ("MatMul", 35)


def test_large_numbers_do_not_reach_the_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    infer: Callable[..., onnx.ModelProto] = onnx.shape_inference.infer_shapes

    def spy(proto: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
        sizes.append(len(proto.SerializeToString()))
        return infer(proto, **options)

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", spy)
    layers("(float[N,500] x) => (float[N,700] y)", "y = MatMul(x, w)", **zeros(w=(500, 700)))
    assert sizes[0] < 1000
