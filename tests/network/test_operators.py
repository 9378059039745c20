"""Each operator's shape, evaluation and cost, against ONNX Runtime on small random inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from resnet_export.graph.cost import count
from resnet_export.network import BATCH, IMAGE, Network, Step
from resnet_export.network.operators import BINARY, COMPARISONS, OPERATORS, UNARY
from resnet_export.network.operators.operator import sum_over

from .running import assert_as_in_onnx_runtime, file_of, images_of, numbers_of, run

IMAGE_SHAPE = (4, 5, 6)


def alone(op: str, attributes: dict[str, Any], image: tuple[int, int, int] = IMAGE_SHAPE, **parameters: Any) -> Network:
    """A network of one step."""
    return Network(image, (Step("step", op, (IMAGE,), attributes, parameters),), ("step",))


def joined(op: str, attributes: dict[str, Any] | None = None) -> Network:
    """A step of two inputs, the negative image and the image."""
    steps = (Step("neg", "Neg", (IMAGE,)), Step("step", op, ("neg", IMAGE), attributes or {}))
    return Network(IMAGE_SHAPE, steps, ("step",))


pairs = st.lists(st.integers(1, 3), min_size=2, max_size=2).map(tuple)
sides = st.lists(st.integers(0, 2), min_size=4, max_size=4).map(tuple)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, tuple[int, ...]]:
    """Kernel, strides, pads at each end, dilations; no window sees nothing but pads."""
    kernel, dilations = draw(pairs), draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2)]))
    pads = tuple(min(side, edge - 1) for side, edge in zip(draw(sides), kernel * 2, strict=True))
    for size, edge, gap, before, after in zip((5, 6), kernel, dilations, pads[:2], pads[2:], strict=True):
        assume((edge - 1) * gap + 1 <= size + before + after)
    return {"kernel_shape": kernel, "strides": draw(pairs), "pads": pads, "dilations": dilations}


@settings(deadline=None)
@given(window=windows(), group=st.sampled_from([1, 2, 4]), bias=st.booleans())
def test_convolution(window: dict[str, Any], group: int, bias: bool) -> None:
    parameters = {"weight": (8, 4 // group, *window["kernel_shape"])} | ({"bias": (8,)} if bias else {})
    network = alone("Conv", {"group": group, **window}, **parameters)
    assert_as_in_onnx_runtime(network)
    cost = count(ir.from_proto(file_of(network, numbers_of(network))), (1, *IMAGE_SHAPE))
    assert cost is not None
    assert network.multiply_adds == cost.multiply_adds > 0


@settings(deadline=None)
@given(window=windows(), ceil_mode=st.sampled_from([0, 1]))
def test_max_pool(window: dict[str, Any], ceil_mode: int) -> None:
    network = alone("MaxPool", {"ceil_mode": ceil_mode, **window})
    assert_as_in_onnx_runtime(network)
    assert network.multiply_adds == 0


@settings(deadline=None)
@given(window=windows(), ceil_mode=st.sampled_from([0, 1]), counted=st.sampled_from([0, 1]))
def test_average_pool(window: dict[str, Any], ceil_mode: int, counted: int) -> None:
    """At opset 18 it has no dilations."""
    window = window | {"dilations": (1, 1)}
    assert_as_in_onnx_runtime(alone("AveragePool", {"ceil_mode": ceil_mode, "count_include_pad": counted, **window}))


@settings(deadline=None)
@given(
    pads=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    mode=st.sampled_from(["constant", "edge", "reflect"]),
    value=st.sampled_from([0.0, 1.5, -np.inf]),
)
def test_pad(pads: list[int], mode: str, value: float) -> None:
    """Of every axis but that of the images."""
    attributes = {"mode": mode, "pads": (0, *pads[:3], 0, *pads[3:]), "value": value}
    assert_as_in_onnx_runtime(alone("Pad", attributes))


@given(
    size=st.integers(1, 300), kernel=st.integers(1, 11), stride=st.integers(1, 5), pads=st.integers(0, 9),
    dilation=st.integers(1, 3),
)  # fmt: skip
def test_a_shape_counts_the_windows_that_fit(size: int, kernel: int, stride: int, pads: int, dilation: int) -> None:
    span, length = (kernel - 1) * dilation + 1, size + pads
    assume(span <= length)
    window = {"kernel_shape": (kernel,), "strides": (stride,), "pads": (pads, 0), "dilations": (dilation,)}
    count = len(range(0, length - span + 1, stride))
    assert OPERATORS["MaxPool"].shape({"ceil_mode": 0, **window}, [(BATCH, 4, size)], {}) == (BATCH, 4, count)


@pytest.mark.parametrize("bias", [False, True])
def test_gemm(bias: bool) -> None:
    parameters = {"weight": (7, 120)} | ({"bias": (7,)} if bias else {})
    steps = (
        Step("flat", "Flatten", (IMAGE,), {"axis": 1}),
        Step("step", "Gemm", ("flat",), {"transB": 1}, parameters),
    )
    network = Network(IMAGE_SHAPE, steps, ("step",))
    assert_as_in_onnx_runtime(network)
    assert network.multiply_adds == 7 * 120


@pytest.mark.parametrize(("role", "shape", "cost"), [("right", (6, 3), 4 * 5 * 3 * 6), ("left", (2, 5), 4 * 2 * 6 * 5)])
def test_product_with_a_number(role: str, shape: tuple[int, ...], cost: int) -> None:
    network = alone("MatMul", {}, **{role: shape})
    assert_as_in_onnx_runtime(network)
    assert network.multiply_adds == cost


def test_product_of_two_values() -> None:
    steps = (
        Step("turned", "Transpose", (IMAGE,), {"perm": (0, 1, 3, 2)}),
        Step("step", "MatMul", (IMAGE, "turned")),
    )
    network = Network(IMAGE_SHAPE, steps, ("step",))
    assert_as_in_onnx_runtime(network)
    assert network.multiply_adds == 4 * 5 * 5 * 6


NORM = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (4,))


def test_batch_norm() -> None:
    assert_as_in_onnx_runtime(alone("BatchNormalization", {"epsilon": 1e-3}, **NORM))


def test_instance_norm() -> None:
    assert_as_in_onnx_runtime(alone("InstanceNormalization", {"epsilon": 1e-3}, weight=(4,), bias=(4,)))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_layer_norm(axis: int, bias: bool) -> None:
    shape = IMAGE_SHAPE[axis - 1 :]
    parameters = {"weight": shape} | ({"bias": shape} if bias else {})
    assert_as_in_onnx_runtime(alone("LayerNormalization", {"axis": axis, "epsilon": 1e-3}, **parameters))


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "Clip": {"min": -0.5, "max": 0.75},
    "Elu": {"alpha": 0.7},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    "LeakyRelu": {"alpha": 0.2},
}


@pytest.mark.parametrize("op", [op for op in UNARY if op != "Not"])
def test_element_by_element(op: str) -> None:
    network = alone(op, ATTRIBUTES.get(op, {}))
    images = images_of(network) * np.float32(3)
    assert_as_in_onnx_runtime(network, images=np.abs(images) if op in ("Log", "Sqrt") else images)
    assert network.multiply_adds == 0


@pytest.mark.parametrize(("least", "most"), [(None, 6.0), (0.5, None), (None, None), (-1.0, 1.0)])
def test_a_clip_without_a_bound(least: float | None, most: float | None) -> None:
    assert_as_in_onnx_runtime(alone("Clip", {"min": least, "max": most}))


@pytest.mark.parametrize("op", ["Sigmoid", "Softplus", "Elu", "Tanh", "Erf", "HardSwish"])
def test_large_values_stay_finite(op: str) -> None:
    x = np.array([[-800.0, 800.0]])
    assert np.isfinite(OPERATORS[op].apply(ATTRIBUTES.get(op, {}), [x], {})).all()


@pytest.mark.parametrize("op", BINARY)
def test_arithmetic_between_values(op: str) -> None:
    network = joined(op)
    images = images_of(network)
    if op == "Pow":
        images = -np.abs(images)  # -x is positive
    assert_as_in_onnx_runtime(network, images=images)


@pytest.mark.parametrize("shape", [(), (6,), (5, 1), (4, 1, 1), (4, 5, 6), (1, 4, 1, 1), (3, 1, 1)])
@pytest.mark.parametrize("role", ["left", "right"])
@pytest.mark.parametrize("op", BINARY)
def test_arithmetic_with_a_number(op: str, role: str, shape: tuple[int, ...]) -> None:
    """Of any shape that broadcasts, also of one that makes the channels more."""
    image = (1, 5, 6) if shape == (3, 1, 1) else IMAGE_SHAPE
    network = alone(op, {}, image, **{role: shape})
    images, numbers = images_of(network), numbers_of(network)
    if op == "Pow":
        images, numbers = np.abs(images), {name: np.abs(array) for name, array in numbers.items()}
    assert_as_in_onnx_runtime(network, numbers, images)


AXES = st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True).map(lambda axes: tuple(sorted(axes)))


@settings(deadline=None)
@given(op=st.sampled_from(["ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"]), axes=AXES)
def test_reductions(op: str, axes: tuple[int, ...]) -> None:
    assert_as_in_onnx_runtime(alone(op, {"axes": axes}))


@pytest.mark.parametrize("opset", [13, 17, 18])
@pytest.mark.parametrize("op", [op for op in OPERATORS if op.startswith("Reduce")])
def test_reductions_at_other_opsets(op: str, opset: int) -> None:
    """Their axes became an input in different ones."""
    network = alone(op, {"axes": (2, 3)})
    images = images_of(network)
    (found,) = run(file_of(network, {}, opset), {"input": images})
    assert found.tobytes() == assert_as_in_onnx_runtime(network, {}, images)[0].tobytes()


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(op: str) -> None:
    assert_as_in_onnx_runtime(alone(op, {}))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax(op: str, axis: int) -> None:
    network = alone(op, {"axis": axis})
    assert_as_in_onnx_runtime(network)
    assert_as_in_onnx_runtime(network, images=100 * images_of(network))  # whose powers overflow


@pytest.mark.parametrize("axis", [1, 3])
def test_the_first_largest_value(axis: int) -> None:
    """One of several equal ones."""
    network = alone("Hardmax", {"axis": axis})
    assert_as_in_onnx_runtime(network)
    assert_as_in_onnx_runtime(network, images=np.round(images_of(network)))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_norm(size: int) -> None:
    assert_as_in_onnx_runtime(alone("LRN", {"alpha": 0.1, "beta": 0.7, "bias": 1.5, "size": size}))


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("chosen", ["of two values", "left is a number", "right is a number", "of its opposite"])
def test_a_choice_by_a_comparison(op: str, chosen: str) -> None:
    """Both ways are taken: where the image is equal to itself turned, too."""
    numbers = {"left": (4, 1, 1)} if chosen == "left is a number" else {}
    numbers |= {"right": (4, 1, 1)} if chosen == "right is a number" else {}
    sources = ("neg",) if numbers else ("neg", IMAGE)
    opposite = chosen == "of its opposite"
    steps = [
        Step("neg", "Neg", (IMAGE,)),
        Step("mask", op, ("neg", IMAGE)),
        *([Step("not", "Not", ("mask",))] if opposite else []),
        Step("step", "Where", ("not" if opposite else "mask", *sources), {}, numbers),
    ]
    network = Network(IMAGE_SHAPE, tuple(steps), ("step",))
    assert_as_in_onnx_runtime(network, images=np.round(images_of(network)))


@pytest.mark.parametrize(("numbers", "axis"), [((), 0), ((4,), 1), ((6,), 3)])
def test_quantisation(numbers: tuple[int, ...], axis: int) -> None:
    """There and back it is off by half a step at most, but where it is clipped; ties go to the even number."""
    attributes = {"axis": axis, "min": -128.0, "max": 127.0}
    parameters = {"scale": np.full(numbers, 0.25), "zero_point": np.full(numbers, 3.0)}
    x = np.random.default_rng(0).uniform(-40, 40, (2, *IMAGE_SHAPE))
    quantised = OPERATORS["QuantizeLinear"].apply(attributes, [x], parameters)
    assert set(np.unique(quantised)) <= {float(value) for value in range(-128, 128)}
    back = OPERATORS["DequantizeLinear"].apply({"axis": axis}, [quantised], parameters)
    assert np.abs(back - np.clip(x, -131 / 4, 124 / 4)).max() <= 0.125
    ties = OPERATORS["QuantizeLinear"].apply({**attributes, "axis": 0}, [np.array([0.125, 0.375])], {
        "scale": np.array(0.25), "zero_point": np.array(0.0)
    })  # fmt: skip
    assert ties.tolist() == [0.0, 2.0]


@settings(deadline=None)
@given(perm=st.permutations([1, 2, 3]))
def test_transpose(perm: list[int]) -> None:
    assert_as_in_onnx_runtime(alone("Transpose", {"perm": (0, *perm)}))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concat(axis: int) -> None:
    assert_as_in_onnx_runtime(joined("Concat", {"axis": axis}))


@pytest.mark.parametrize("shape", [(0, -1), (0, 4, 30), (0, 0, -1), (-1, 20, 6), (0, 2, 2, 5, 6), (-1, 4, 5, 6, 1)])
def test_reshape(shape: tuple[int, ...]) -> None:
    """0 keeps an axis, and -1 is what remains."""
    assert_as_in_onnx_runtime(alone("Reshape", {"shape": shape}))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_flatten(axis: int) -> None:
    """Of other axes than 1, the batch becomes a multiple of itself."""
    network = alone("Flatten", {"axis": axis})
    first, second = network.shapes["step"]
    assert (first, second) == (BATCH * int(np.prod(IMAGE_SHAPE[: axis - 1])), int(np.prod(IMAGE_SHAPE[axis - 1 :])))
    x = images_of(network)
    assert OPERATORS["Flatten"].apply({"axis": axis}, [x], {}).shape == (2 * first.factor, second)
    if axis == 1:
        assert_as_in_onnx_runtime(network)


@st.composite
def cuts(draw: st.DrawFn) -> dict[str, tuple[int, ...]]:
    """Of one to three axes; negative steps go backwards, to the first element too. Nothing is cut to nothing."""
    axes = sorted(draw(st.sets(st.integers(1, 3), min_size=1)))
    found = []
    for axis in axes:
        length = IMAGE_SHAPE[axis - 1]
        step = draw(st.sampled_from([1, 2, 3, -1, -2]))
        low = draw(st.integers(0, length - 1))
        high = draw(st.integers(low + 1, length) if step > 0 else st.integers(-1, low - 1) if low else st.just(-1))
        found.append((low, high, axis, step))
    starts, ends, chosen, steps = zip(*found, strict=True)
    return {"starts": starts, "ends": ends, "axes": chosen, "steps": steps}


@settings(deadline=None)
@given(cut=cuts())
@example(cut={"starts": (4,), "ends": (-1,), "axes": (2,), "steps": (-1,)})
@example(cut={"starts": (3, 5), "ends": (0, -1), "axes": (1, 3), "steps": (-2, -3)})
def test_slice(cut: dict[str, Any]) -> None:
    assert_as_in_onnx_runtime(alone("Slice", cut))


@settings(deadline=None)
@given(axis=st.integers(1, 3), data=st.data())
def test_gather(axis: int, data: st.DataObject) -> None:
    """Also one element twice, and in any order."""
    indices = data.draw(st.lists(st.integers(0, IMAGE_SHAPE[axis - 1] - 1), min_size=1, max_size=7))
    assert_as_in_onnx_runtime(alone("Gather", {"axis": axis, "indices": tuple(indices)}))


@pytest.mark.parametrize("shape", [(1, 4, 5, 6), (1, 4, 3, 6), (1, 1, 3, 1), (3, 6)])
def test_expand(shape: tuple[int, ...]) -> None:
    assert_as_in_onnx_runtime(alone("Expand", {"shape": shape}, (4, 5, 6) if shape == (1, 4, 5, 6) else (4, 1, 6)))


@settings(deadline=None)
@given(
    scales=st.lists(st.sampled_from([0.5, 0.7, 1.0, 1.3, 2.0, 3.0]), min_size=2, max_size=2),
    mode=st.sampled_from(["linear", "nearest"]),
    positions=st.sampled_from(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]),
)
def test_resize(scales: list[float], mode: str, positions: str) -> None:
    attributes = {
        "mode": mode,
        "coordinate_transformation_mode": positions,
        "nearest_mode": "floor",
        "roi": None,
        "scales": (1.0, 1.0, *scales),
    }
    assert_as_in_onnx_runtime(alone("Resize", attributes))


def test_every_operator_has_a_test_here() -> None:
    named = Path(__file__).read_text(encoding="utf-8")
    looped = {*UNARY, *BINARY, *COMPARISONS}
    assert [op for op in OPERATORS if op not in looped and f'"{op}"' not in named] == []


@pytest.mark.parametrize(
    ("op", "attributes", "parameters", "says"),
    [
        ("Conv", {"group": 1, "kernel_shape": (1, 1), "strides": (1, 1), "pads": (0,) * 4, "dilations": (1, 1)},
         {"weight": (8, 3, 1, 1)}, "a convolution with weights"),
        ("MaxPool", {"ceil_mode": 0, "kernel_shape": (9, 9), "strides": (1, 1), "pads": (0,) * 4, "dilations": (1, 1)},
         {}, "is larger than its input"),
        ("Gemm", {"transB": 1}, {"weight": (3, 4)}, "a matrix product with weights"),
        ("MatMul", {}, {"right": (7, 3)}, "a matrix product of"),
        ("Add", {}, {"right": (7,)}, "don't broadcast"),
        ("Reshape", {"shape": (0, 7)}, {}, "can't become"),
        ("Reshape", {"shape": (0, 7, -1)}, {}, "is not divisible|can't become"),
        ("Slice", {"starts": (0,), "ends": (1,), "axes": (0,), "steps": (1,)}, {}, "the batch can't be cut"),
    ],
)  # fmt: skip
def test_shapes_that_an_operator_does_not_take(
    op: str, attributes: dict[str, Any], parameters: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        _ = alone(op, attributes, **parameters).shapes


def test_a_concat_of_values_that_do_not_fit() -> None:
    steps = (
        Step("pool", "GlobalMaxPool", (IMAGE,)),
        Step("step", "Concat", ("pool", IMAGE), {"axis": 1}),
    )
    with pytest.raises(ValueError, match="joined along axis 1"):
        _ = Network(IMAGE_SHAPE, steps, ("step",)).shapes


@pytest.mark.parametrize("channels", [1, 2])
def test_float32_adds_one_value_after_the_other(channels: int) -> None:
    x = np.full((channels, 100_000), 0.1, np.float32)
    expected = np.float32(0)
    for value in x[0]:
        expected += value
    assert sum_over(x, (1,)).tolist() == [expected] * channels
    assert sum_over(x[:, :0], (1,)).tolist() == [0] * channels
