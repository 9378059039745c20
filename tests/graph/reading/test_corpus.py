"""What the networks of benchmarks/networks.py ask of the reader beside the usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from resnet_export.graph.check import check_canonical
from resnet_export.graph.interface import Interface
from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.images import Preprocessing
from resnet_export.network.folding import fold, unfolded
from tests.network.running import OPSET, assert_computed, file_of, run

from .graphs import feeds_of, model_of, network_of, operators, reading_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

MAP = "(float[N,2,5,6] x) => (float[N,C,H,W] y)"


def optimised(proto: onnx.ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    """In ONNX Runtime as users run it, with its rewriting of graphs."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs: list[Any] = session.run(None, dict(feeds))
    return outputs


@pytest.mark.parametrize("before", ["Neg(x)", "Conv(x, w)", "Tanh(x)"])
def test_zeros_before_a_max_pool_stay_zeros_in_onnx_runtime(before: str) -> None:
    """It merges a Pad of 0.0 into the pool, whose own pads are minus infinity; one of -0.0 it leaves alone."""
    body = f"""p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() other = {before} padded = Pad(other, p)
               y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    reading = reading_of(model_of("(float[N,2,5,6] x, float[2,2,1,1] w) => (float[N,C,H,W] y)", body))
    positive = np.abs(np.random.default_rng(0).standard_normal((1, 2, 5, 6), np.float32))
    images = np.concatenate([positive, -positive])  # in one of these, zero is the largest at the border
    proto = file_of(reading.network, reading.numbers)
    assert "Pad" in {node.op_type for node in proto.graph.node}
    found = optimised(proto, {"input": images})
    assert_computed(reading.network, reading.numbers, images, found)
    assert_computed(reading.network, reading.numbers, images, run(proto, {"input": images}))


def test_nodes_that_no_output_needs_are_not_read() -> None:
    network = network_of(MAP, "parts = SequenceConstruct(x, x) count = SequenceLength(parts) y = Relu(x)")
    assert operators(network) == ["Relu"]


def test_a_number_is_cast_to_the_type_of_a_value() -> None:
    body = "image = Neg(x) same = CastLike(w, image) scaled = Mul(image, same) y = CastLike(scaled, w)"
    signature = "(float[N,2,5,6] x, float[2,1,1] w) => (float[N,C,H,W] y)"
    assert operators(network_of(signature, body)) == ["Neg", "Mul"]


def points(*axes: list[int]) -> Any:
    """Every combination of indices, as adaptive pooling takes them: (len, len, ..., number of axes)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.int64)


def test_points_of_both_axes_are_gathered_from_one() -> None:
    body = """turned = Transpose<perm=[2,3,0,1]>(x) picked = GatherND(turned, at)
              y = Transpose<perm=[2,3,0,1]>(picked)"""
    reading = reading_of(model_of(MAP, body, at=points([0, 3, -1, 4], [5, 0, 2])))
    assert reading.network.shapes[reading.network.output][1:] == (2, 4, 3)
    assert operators(reading.network) == ["Reshape", "Gather", "Reshape"]


def test_points_of_one_axis() -> None:
    body = """turned = Transpose<perm=[1,0,2,3]>(x) picked = GatherND(turned, at)
              y = Transpose<perm=[1,0,2,3]>(picked)"""
    reading = reading_of(model_of(MAP, body, at=points([1, 1, 0])))
    assert operators(reading.network) == ["Gather"]


@pytest.mark.parametrize(
    ("perm", "dims"), [([0, 1, 2, 3], 0), ([3, 2, 0, 1], 0), ([0, 2, 3, 1], 1)], ids=["batch", "order", "batch_dims"]
)
def test_points_of_other_axes_are_not_read(perm: list[int], dims: int) -> None:
    body = f"turned = Transpose<perm={perm}>(x) y = GatherND<batch_dims={dims}>(turned, at)"
    with pytest.raises(UnreadableError, match="points of the batch, or of axes"):
        read(model_of(MAP, body, at=points([0, 1], [1])), (2, 5, 6))


@pytest.mark.parametrize(("value", "expected"), [(0.0, ["Mul"]), (2.5, ["Mul", "Add"])])
@pytest.mark.parametrize("arguments", ["m, v, x", "m, x, v"])
def test_known_places_are_filled(arguments: str, value: float, expected: list[str]) -> None:
    mask = np.arange(30).reshape(5, 6) % 3 == 0
    model = model_of(MAP, f"y = Where({arguments})", m=mask, v=np.float32(value))
    assert operators(reading_of(model).network) == expected


def test_nothing_is_filled() -> None:
    model = model_of(MAP, "z = Where(m, v, x) y = Relu(z)", m=np.zeros((5, 6), bool), v=np.float32(3))
    assert operators(reading_of(model).network) == ["Relu"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("z = Neg(x) y = Where(m, z, x)", "chooses between values of the image"),
        ("y = Where(m, v, x)", "fills with what is not finite"),
    ],
)
def test_other_choices_are_not_read(body: str, says: str) -> None:
    model = model_of(MAP, body, m=np.eye(5, 6, dtype=bool), v=np.float32("-inf"))
    with pytest.raises(UnreadableError, match=says):
        read(model, (2, 5, 6))


@pytest.mark.parametrize("epsilon", ["1.001e-5", "0.00002"])
def test_a_file_with_a_number_that_float32_rounds_is_canonical(epsilon: str) -> None:
    """An attribute is the decimal that was meant; the file has it in float32."""
    body = f"""n = BatchNormalization<epsilon={epsilon}>(x, g, b, m, variance) r = LeakyRelu<alpha=0.3>(n)
               p = GlobalAveragePool(r) y = Flatten(p)"""
    signature = "(float[N,2,5,6] x, float[2] g, float[2] b, float[2] m, float[2] variance) => (float[N,C] y)"
    model = model_of(signature, body)
    feeds = feeds_of(model)
    reading = read(model, (2, 5, 6), {name: feeds[name] for name in list(feeds)[1:]})
    proto = file_of(reading.network, reading.numbers)
    check_canonical(
        ir.from_proto(proto), unfolded(fold(reading.network)), Interface(opset=OPSET), Preprocessing.default(3, 32)
    )


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("Mish", ["Softplus", "Tanh", "Mul"]),
        ("Selu", ["Elu", "Mul"]),
        ("Selu<alpha=1.5, gamma=0.7>", ["Elu", "Mul"]),
        ("Celu", ["Elu"]),
        ("Celu<alpha=0.3>", ["Div", "Elu", "Mul"]),
    ],
)
def test_activations_that_are_written_with_others(activation: str, expected: list[str]) -> None:
    assert operators(network_of(MAP, f"y = {activation}(x)")) == expected


def test_a_weight_over_its_largest_singular_value() -> None:
    """Spectral norm, as PyTorch writes it: sigma = u W v."""
    body = """s = Constant<value_ints=[3,18]>() flat = Reshape(w, s) n = MatMul(flat, v) sigma = MatMul(u, n)
              k = Div(w, sigma) y = Conv(x, k)"""
    signature = "(float[N,2,5,6] x, float[3,2,3,3] w, float[3] u, float[18] v) => (float[N,C,H,W] y)"
    assert operators(network_of(signature, body)) == ["Conv"]
