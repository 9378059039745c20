from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.graph.building import build_graph
from resnet_export.graph.cost import Cost, count
from resnet_export.graph.file import bind
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.spec import VARIANTS, ResNetSpec
from tests.inspect.graphs import model_of, zeros

if TYPE_CHECKING:
    from .conftest import Maker

IMAGE = (1, 3, 224, 224)


def counted(signature: str, body: str, image: tuple[int, ...], **weights: Any) -> Cost | None:
    return count(ir.from_proto(model_of(signature, body, **weights)), image)


def network(spec: ResNetSpec) -> ir.Model:
    """The canonical graph, with weights that are all 0."""
    model = build_graph(spec.canonical, Interface(), Preprocessing.default(3, spec.image_size), name="resnet")
    bind(model, {name: np.zeros(shape, np.float32) for name, shape in spec.canonical.parameters.items()})
    return model


def test_resnet_18() -> None:
    cost = count(network(ResNetSpec()), IMAGE)
    assert cost is not None
    assert cost.multiply_adds == 1_814_073_344
    assert cost.quantized_multiply_adds == 0
    # Batch norm is folded: 11,689,512 less its 4,800 factors.
    assert cost.weight_bytes == 4 * (11_689_512 - 4_800)
    assert cost.image_bytes == 4 * (3 * 224 * 224 + 1000)
    assert cost.result_bytes[0] == 4 * 64 * 112 * 112
    assert len(cost.result_bytes) == 21
    assert cost.result_bytes[-1] == 4 * 1000


@pytest.mark.parametrize("depth", VARIANTS)
@pytest.mark.parametrize("size", [224, 65])
def test_the_same_number_as_the_specification(depth: int, size: int) -> None:
    spec = ResNetSpec(depth=depth, width=8, image_size=size)
    cost = count(network(spec), (1, 3, size, size))
    assert cost is not None
    assert cost.multiply_adds == spec.multiply_adds


@pytest.mark.parametrize("interface", [Interface(), Interface("nhwc", 3, preprocess="uint8", dynamic_size=True)])
def test_files_of_ours(interface: Interface, small: ResNetSpec, make: Maker) -> None:
    model, _ = make.model(small, interface)
    size = (small.image_size, small.image_size)
    cost = count(model, (1, 3, *size) if interface.layout == "nchw" else (1, *size, 3))
    assert cost is not None
    assert cost.multiply_adds == small.multiply_adds
    pixels = 3 * small.image_size**2 * (1 if interface.preprocess == "uint8" else 4)
    assert cost.image_bytes == pixels + 4 * small.num_classes


def test_as_tf2onnx_writes_it() -> None:
    """Channels come last, and are brought forward for the convolution alone; the pooling is a mean."""
    cost = counted(
        "(float[N,8,8,3] x) => (float[N,5] y)",
        't = Transpose<perm = [0, 3, 1, 2]>(x) c = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(t, w)'
        " u = Transpose<perm = [0, 2, 3, 1]>(c) r = ReduceMean<axes = [1, 2], keepdims = 0>(u) y = MatMul(r, v)",
        (1, 8, 8, 3),
        **zeros(w=(6, 3, 3, 3), v=(6, 5)),
    )
    assert cost == Cost(16 * 6 * 27 + 30, 0, 4 * (6 * 27 + 30), 4 * (192 + 5), (4 * 96, 4 * 5))


QUANTIZED = {
    "s": np.float32(0.1),
    "z": np.uint8(128),
    "zw": np.int8(0),
    "q": np.zeros((6, 3, 1, 1), np.int8),
    "v": np.zeros((5, 6, 1, 1), np.float32),
}


def test_quantised_in_part() -> None:
    cost = counted(
        "(float[N,3,8,8] x) => (float[N,5,8,8] y)",
        "xq = QuantizeLinear(x, s, z) xd = DequantizeLinear(xq, s, z) w = DequantizeLinear(q, s, zw) c = Conv(xd, w)"
        " y = Conv(c, v)",
        (1, 3, 8, 8),
        **QUANTIZED,
    )
    first, second = 64 * 6 * 3, 64 * 5 * 6
    weights = 6 * 3 + 4 * 5 * 6 + 4 + 1 + 1
    assert cost == Cost(first + second, first, weights, 4 * 64 * (3 + 5), (4 * 64 * 6, 4 * 64 * 5))


def test_a_batch_that_is_fixed_is_divided_out() -> None:
    once = counted("(float[1,3,8,8] x) => (float[1,6,a,b] y)", "y = Conv(x, w)", (1, 3, 8, 8), **zeros(w=(6, 3, 3, 3)))
    four = counted("(float[4,3,8,8] x) => (float[4,6,a,b] y)", "y = Conv(x, w)", (1, 3, 8, 8), **zeros(w=(6, 3, 3, 3)))
    assert once == four == Cost(36 * 6 * 27, 0, 4 * 6 * 27, 4 * (192 + 216), (4 * 216,))


def test_half_precision_takes_half_the_bytes() -> None:
    weight = {"w": np.zeros((6, 3, 1, 1), np.float16)}
    cost = counted("(float16[N,3,H,W] x) => (float16[N,6,H,W] y)", "y = Conv(x, w)", (1, 3, 8, 8), **weight)
    assert cost == Cost(64 * 18, 0, 2 * 18, 2 * 64 * 9, (2 * 64 * 6,))


def test_what_the_file_fixes_is_stronger_than_what_is_asked() -> None:
    cost = counted("(float[N,3,8,W] x) => (float[N,6,8,W] y)", "y = Conv(x, w)", (1, 3, 99, 4), **zeros(w=(6, 3, 1, 1)))
    assert cost is not None
    assert cost.multiply_adds == 8 * 4 * 18


def test_sizes_that_cannot_be_inferred() -> None:
    body = "c = Conv(x, w) n = NonZero(c) f = Cast<to = 1>(n) y = MatMul(f, v)"
    weights = zeros(w=(6, 3, 1, 1), v=(4, 2))
    assert counted("(float[N,3,8,8] x) => (float[a,2] y)", body, (1, 3, 8, 8), **weights) is None


def test_nothing_that_multiplies() -> None:
    cost = counted("(float[N,3,8,8] x) => (float[N,3,8,8] y)", "y = Relu(x)", (1, 3, 8, 8))
    assert cost == Cost(0, 0, 0, 2 * 4 * 192, ())
