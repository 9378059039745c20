"""One node of each operator that is read, in every spelling that differs between opsets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto

MICROSOFT = "com.microsoft"
SHAPE = (2, 4, 6, 6)
ROWS_2_AND_0 = np.broadcast_to(np.array([2, 0])[:, None, None], (2, 2, 6, 6))
LAST = 26
"""The last opset that ONNX Runtime 1.31 runs."""


def numbers(*shape: int, seed: int = 0, least: float = -2.0, most: float = 2.0) -> Any:
    return np.random.default_rng(seed).uniform(least, most, shape).astype(np.float32)


def whole(*shape: int, kind: Any = np.uint8, seed: int = 0) -> Any:
    limits = np.iinfo(kind)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(kind)


def weights(*shape: int) -> Any:
    """Signed weights of 7 bits: without VNNI, pairs of their products with 8 bits would saturate in ONNX Runtime."""
    return whole(*shape, kind=np.int8) >> 1


@dataclass(frozen=True)
class Node:
    """A node whose first input is the image."""

    op: str
    operands: tuple[Any, ...] = ()
    """What follows the image: arrays; None for what is left out."""
    attributes: dict[str, Any] = field(default_factory=dict)
    since: int = 7
    until: int = LAST
    domain: str = ""
    image: Any = field(default_factory=lambda: numbers(*SHAPE, seed=1))
    outputs: int = 1
    at: int = 0
    """Where the image stands among the inputs."""
    mixes: bool = False
    """Whether images depend on one another."""

    @property
    def title(self) -> str:
        listed = ",".join(f"{key}={value}" for key, value in self.attributes.items())
        return f"{self.op}({listed})" if listed else self.op


def axes(op: str, since: int, chosen: list[int], **attributes: Any) -> list[Node]:
    """An operator whose axes became an input at an opset."""
    return [
        Node(op, (), {"axes": chosen, **attributes}, until=since - 1),
        Node(op, (np.array(chosen),), attributes, since=since),
    ]


POSITIVE = numbers(*SHAPE, least=0.2, most=2.0)
CHANNELS = tuple(numbers(4, seed=seed) for seed in range(3))
ALONG = tuple(values.reshape(4, 1, 1) for values in CHANNELS)
VARIANCE = numbers(4, least=0.5, most=2.0)
KERNEL = numbers(6, 4, 3, 3)
WINDOW = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 2]}
INT8, UINT8 = (kind.type for kind in (np.dtype(np.int8), np.dtype(np.uint8)))
BYTES = whole(*SHAPE)
X_SCALE, X_ZERO = np.float32(0.02003), UINT8(120)
Y_SCALE, Y_ZERO = np.float32(0.05017), UINT8(130)
"""Scales that no quotient is a tie of: float32 would decide it by its rounding."""
GIVEN = (X_SCALE, X_ZERO)
MADE = (Y_SCALE, Y_ZERO)

PLAIN = [
    Node("Abs"),
    Node("Add", (ALONG[0],)),
    Node("Add", (numbers(1),), {}),
    Node("Mul", (ALONG[0],), at=1),
    Node("Sub", (ALONG[0],), at=1),
    Node("Sub", (numbers(6),)),
    Node("Div", (POSITIVE[:1, :, :1, :1],)),
    Node("Div", (ALONG[0],), image=POSITIVE, at=1),
    Node("Pow", (np.float32(2.0),)),
    Node("Pow", (np.float32(1.5),), image=POSITIVE),
    Node("Max", (ALONG[0], ALONG[1]), since=8),
    Node("Min", (ALONG[0],), since=8),
    Node("Sum", (ALONG[0], ALONG[1]), since=8),
    Node("Mean", (ALONG[0], ALONG[1]), since=8),
    Node("Ceil"),
    Node("Floor"),
    Node("Round", since=11),
    Node("Sign", since=9),
    Node("Cos"),
    Node("Sin"),
    Node("Exp"),
    Node("Erf", since=9),
    Node("Log", image=POSITIVE),
    Node("Sqrt", image=POSITIVE),
    Node("Reciprocal", image=POSITIVE),
    Node("Neg"),
    Node("Identity"),
    Node("Relu"),
    Node("Sigmoid"),
    Node("Tanh"),
    Node("Softplus"),
    Node("Softsign"),
    Node("Elu"),
    Node("Elu", (), {"alpha": 0.3}),
    Node("Selu"),
    Node("Selu", (), {"alpha": 1.5, "gamma": 1.1}),
    Node("Celu", (), {"alpha": 2.0}, since=12),
    Node("LeakyRelu"),
    Node("LeakyRelu", (), {"alpha": 0.2}),
    Node("ThresholdedRelu", since=10),
    Node("Shrink", (), {"lambd": 1.0, "bias": 0.2}, since=9),
    Node("HardSigmoid"),
    Node("HardSigmoid", (), {"alpha": 0.3, "beta": 0.4}),
    Node("HardSwish", since=14),
    Node("Mish", since=18),
    Node("Gelu", since=20),
    Node("Gelu", (), {"approximate": "tanh"}, since=20),
    Node("PRelu", (ALONG[0],)),
    Node("Clip", (), {"min": -0.5, "max": 0.5}, until=10),
    Node("Clip", (), {"max": 0.5}, until=10),
    Node("Clip", (np.float32(-0.5), np.float32(0.5)), since=11),
    Node("Clip", (None, np.float32(0.5)), since=11),
    Node("Clip", (np.float32(0.0),), since=11),
    Node("Cast", (), {"to": TensorProto.FLOAT}),
    Node("Dropout", until=11),
    Node("Dropout", since=12),
]
NORMS = [
    Node("BatchNormalization", (*CHANNELS, VARIANCE)),
    Node("BatchNormalization", (*CHANNELS, VARIANCE), {"epsilon": 1e-2, "momentum": 0.5}),
    Node("InstanceNormalization", CHANNELS[:2]),
    Node("LayerNormalization", (numbers(6), numbers(6, seed=3)), since=17),
    Node("LayerNormalization", (numbers(4, 6, 6),), {"axis": 1, "epsilon": 1e-2}, since=17),
    Node("GroupNormalization", (numbers(2), numbers(2, seed=5)), {"num_groups": 2}, since=18, until=20),
    Node("GroupNormalization", (numbers(4), numbers(4, seed=5)), {"num_groups": 2}, since=21),
    Node("RMSNormalization", (numbers(6),), since=23),
    Node("LRN", (), {"size": 3}),
    Node("LRN", (), {"size": 5, "alpha": 0.1, "beta": 0.6, "bias": 2.0}),
    Node("LpNormalization", (), {"axis": 1}),
    Node("LpNormalization", (), {"axis": -1, "p": 1}),
    Node("MeanVarianceNormalization", since=9, mixes=True),
    Node("MeanVarianceNormalization", (), {"axes": [2, 3]}, since=9),
]
WINDOWS = [
    Node("Conv", (KERNEL, numbers(6))),
    Node("Conv", (KERNEL,), {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}),
    Node("Conv", (KERNEL,), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Node("Conv", (KERNEL,), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Node("Conv", (KERNEL,), {"auto_pad": "VALID"}),
    Node("Conv", (numbers(8, 2, 3, 3),), {"group": 2}),
    Node("Conv", (numbers(4, 1, 3, 3),), {"group": 4, "pads": [1, 1, 1, 1]}),
    Node("MaxPool", (), WINDOW),
    Node("MaxPool", (), {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Node("MaxPool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, since=10),
    Node("MaxPool", (), {"kernel_shape": [2, 2], "dilations": [2, 2]}, since=10),
    Node("AveragePool", (), WINDOW),
    Node("AveragePool", (), {**WINDOW, "count_include_pad": 1}),
    Node("AveragePool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, since=10),
    Node("AveragePool", (), {"kernel_shape": [2, 2], "dilations": [2, 2]}, since=19),
    Node("AveragePool", (), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Node("GlobalAveragePool"),
    Node("GlobalMaxPool"),
    Node("GlobalLpPool"),
    Node("GlobalLpPool", (), {"p": 1}),
    Node("Pad", (), {"pads": [0, 0, 1, 2, 0, 0, 2, 1], "value": 0.5}, until=10),
    Node("Pad", (), {"pads": [0, 0, 1, -1, 0, 0, 2, -2]}, until=10),
    Node("Pad", (), {"pads": [0, 0, 1, 2, 0, 0, 2, 1], "mode": "reflect"}, until=10),
    Node("Pad", (np.array([0, 0, 1, 2, 0, 0, 2, 1]), np.float32(0.5)), since=11),
    Node("Pad", (np.array([0, 0, 1, -1, 0, 0, 2, -2]),), since=11),
    Node("Pad", (np.array([0, 0, 1, 2, 0, 0, 2, 1]),), {"mode": "edge"}, since=11),
    Node("Pad", (np.array([1, 2, 2, 1]), None, np.array([2, 3])), since=18),
    Node("Pad", (np.array([0, 0, 1, 2, 0, 0, 0, 6]),), {"mode": "wrap"}, since=19),
]
PRODUCTS = [
    Node("Gemm", (numbers(5, 4), numbers(1)), {}, image=numbers(3, 5)),
    Node("Gemm", (numbers(4, 5), numbers(4)), {"transB": 1, "alpha": 0.5, "beta": 2.0}, image=numbers(3, 5)),
    Node("Gemm", (numbers(4, 5),), {"transB": 1}, since=11, image=numbers(3, 5)),
    Node("MatMul", (numbers(5, 4),), image=numbers(3, 5)),
    Node("MatMul", (numbers(6, 3),)),
    Node("Einsum", (numbers(6, 3, 5),), {"equation": "nchw,hkl->nlckw"}, since=12),
    Node("Einsum", (numbers(3, 4),), {"equation": "kc,nchw->nkhw"}, since=12, at=1),
    Node("Einsum", (numbers(4, 6, 6, 3),), {"equation": "nchw , cwhk -> nck"}, since=12),
    Node("MatMul", (numbers(4, 5, 6),), at=1),
]
REDUCTIONS = [
    *axes("ReduceMean", 18, [2, 3]),
    *axes("ReduceMean", 18, [-1], keepdims=0),
    *axes("ReduceSum", 13, [1]),
    *axes("ReduceMax", 18, [1, 3], keepdims=0),
    *axes("ReduceMin", 18, [2]),
    *axes("ReduceProd", 18, [3]),
    *axes("ReduceL1", 18, [1]),
    *axes("ReduceL2", 18, [2, 3]),
    *axes("ReduceSumSquare", 18, [2]),
    *axes("ReduceLogSumExp", 18, [1]),
    Node("ReduceLogSum", (), {"axes": [1]}, until=17, image=POSITIVE),
    Node("ReduceLogSum", (np.array([1]),), {}, since=18, image=POSITIVE),
    Node("ReduceSum", mixes=True),
    Node("ReduceMean", (), {"keepdims": 0}, mixes=True),
    Node("Softmax", image=numbers(3, 5)),
    Node("Softmax", (), {"axis": 2}),
    Node("Softmax", (), {"axis": 1}),
    Node("Softmax", (), {"axis": -1}, since=11),
    Node("LogSoftmax", (), {"axis": 1}),
    Node("Hardmax", (), {"axis": 1}),
    Node("Hardmax", (), {"axis": 3}),
]
MOVES = [
    Node("Concat", (), {"axis": 1}),
    Node("Concat", (np.repeat(numbers(1, 3, 6, 6), 2, 0),), {"axis": 1}),
    Node("Concat", (np.repeat(numbers(1, 4, 1, 6), 2, 0),), {"axis": -2}, at=1),
    Node("DepthToSpace", (), {"blocksize": 2}),
    Node("DepthToSpace", (), {"blocksize": 2, "mode": "CRD"}, since=11),
    Node("SpaceToDepth", (), {"blocksize": 2}),
    Node("Expand", (np.array([1, 4, 6, 6]),), since=8, image=numbers(2, 4, 1, 6)),
    Node("Flatten"),
    Node("Flatten", (), {"axis": 3}, mixes=True),
    Node("Flatten", (), {"axis": -2}, since=11, mixes=True),
    Node("Flatten", (), {"axis": 0}, mixes=True),
    Node("Gather", (np.array([3, 0]),), {"axis": 1}),
    Node("Gather", (np.array(-1),), {"axis": 2}, since=11),
    Node("Gather", (np.array([[3, 0], [1, 1]]),), {"axis": 2}),
    Node("ScatterElements", (ROWS_2_AND_0, np.repeat(numbers(1, 2, 6, 6), 2, 0)), {"axis": 1}, since=11),
    Node("Reshape", (np.array([0, -1, 6]),)),
    Node("Reshape", (np.array([0, 2, 72]),)),
    *(
        Node(
            "Resize",
            (None, None, np.array([2, 4, *target])),
            {"mode": "linear", "coordinate_transformation_mode": positions},
            since=13,
            mixes=True,
        )
        for target in ((11, 4), (1, 13))
        for positions in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    ),
    *(
        Node("Resize", (None, np.float32([1, 1, 2.5, 0.5])), {"nearest_mode": rounding}, since=13)
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    Node(
        "Resize",
        (np.float32([]), np.float32([1, 1, 1.5, 3])),
        {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"},
        since=11,
        until=12,
    ),
    Node("Resize", (np.float32([1, 1, 2, 3]),), {"mode": "linear"}, since=10, until=10),
    Node("Resize", (None, None, np.array([9, 4])), {"mode": "linear", "axes": [2, 3]}, since=18),
    Node("Upsample", (), {"scales": [1.0, 1.0, 2.0, 3.0]}, until=8),
    Node("Upsample", (np.float32([1, 1, 3, 2]),), {"mode": "linear"}, since=9, until=9),
    Node("Slice", (), {"starts": [1, 0], "ends": [-1, 99], "axes": [2, 3]}, until=9),
    Node("Slice", (np.array([1, -1]), np.array([5, -7]), np.array([2, 3]), np.array([2, -1])), since=10),
    Node("Split", (), {"axis": 1, "split": [1, 3]}, until=12, outputs=2),
    Node("Split", (np.array([1, 3]),), {"axis": 1}, since=13, outputs=2),
    Node("Split", (), {"axis": 1}, until=17, outputs=2),
    Node("Split", (), {"axis": -1, "num_outputs": 4}, since=18, image=numbers(2, 3, 11), outputs=4),
    Node("Squeeze", (), {"axes": [2]}, until=12, image=numbers(2, 4, 1, 6)),
    Node("Squeeze", (np.array([-2]),), since=13, image=numbers(2, 4, 1, 6)),
    Node("Squeeze", image=numbers(2, 4, 1, 6)),
    Node("Tile", (np.array([1, 2, 1, 3]),)),
    Node("Transpose", (), {"perm": [0, 3, 1, 2]}),
    Node("Unsqueeze", (), {"axes": [1, 4]}, until=12),
    Node("Unsqueeze", (np.array([1, -2]),), since=13),
]
QUANTIZED = [
    Node("QuantizeLinear", MADE, since=10),
    Node("QuantizeLinear", (Y_SCALE, INT8(-3)), since=10),
    Node("QuantizeLinear", (numbers(4, least=0.01, most=0.1), whole(4)), {"axis": 1}, since=13),
    Node("DequantizeLinear", GIVEN, since=10, image=BYTES),
    Node("DequantizeLinear", (X_SCALE,), since=10, image=BYTES),
    Node("DequantizeLinear", (numbers(4, least=0.01, most=0.1), whole(4)), {"axis": 1}, since=13, image=BYTES),
    Node("QLinearConv", (*GIVEN, whole(6, 4, 3, 3), np.float32(0.01), UINT8(128), *MADE), since=10, image=BYTES),
    Node(
        "QLinearConv",
        (
            *GIVEN,
            weights(6, 4, 3, 3),
            numbers(6, least=0.001, most=0.01),
            np.zeros(6, np.int8),
            *MADE,
            whole(6, kind=np.int16).astype(np.int32),
        ),
        {"pads": [1, 1, 1, 1], "strides": [2, 2]},
        since=10,
        image=BYTES,
    ),
    Node(
        "QLinearMatMul",
        (*GIVEN, weights(6, 5), np.float32(0.01), INT8(0), *MADE),
        since=10,
        image=whole(2, 6),
    ),
    Node("ConvInteger", (whole(6, 4, 3, 3), UINT8(12), UINT8(128)), {"pads": [1, 1, 1, 1]}, since=10, image=BYTES),
    Node("MatMulInteger", (whole(6, 5), UINT8(12), UINT8(128)), since=10, image=whole(2, 6)),
    Node("DynamicQuantizeLinear", since=11, outputs=3, mixes=True),
]
CONTRIBUTED = [
    Node("QLinearAdd", (*GIVEN, whole(4, 1, 1, seed=4), np.float32(0.03), UINT8(100), *MADE), image=BYTES),
    Node("QLinearMul", (*GIVEN, whole(4, 1, 1, seed=4), np.float32(0.03), UINT8(100), *MADE), image=BYTES),
    Node("QLinearAveragePool", (*GIVEN, *MADE), {"kernel_shape": [3, 3]}, image=BYTES),
    Node("QLinearGlobalAveragePool", (*GIVEN, *MADE), {"channels_last": 0}, image=BYTES),
    Node("QLinearGlobalAveragePool", (*GIVEN, *MADE), {"channels_last": 1}, image=BYTES),
    Node("QLinearLeakyRelu", (*GIVEN, *MADE), {"alpha": 0.1}, image=BYTES),
    Node("QLinearConv", (*GIVEN, whole(6, 4, 3, 3), np.float32(0.01), UINT8(128), *MADE), image=BYTES),
    Node("QLinearSigmoid", (*GIVEN, np.float32(1 / 256), UINT8(0)), image=BYTES),
    Node("QLinearSoftmax", (*GIVEN, np.float32(1 / 256), UINT8(0)), {"axis": 1, "opset": 13}, image=whole(2, 6)),
    Node("QLinearConcat", (*MADE, *GIVEN), {"axis": 1}, image=BYTES, at=2),
    Node(
        "QGemm",
        (*GIVEN, weights(6, 5), np.float32(0.01), INT8(0), np.arange(5, dtype=np.int32), *MADE),
        image=whole(2, 6),
    ),
    Node(
        "QGemm",
        (*GIVEN, weights(5, 6), np.float32(0.01), INT8(0)),
        {"transB": 1, "alpha": 1.0},
        image=whole(2, 6),
    ),
    Node("DynamicQuantizeMatMul", (whole(6, 5), np.float32(0.01), UINT8(128)), image=numbers(2, 6), mixes=True),
    Node(
        "MatMulIntegerToFloat",
        (whole(6, 5), np.float32(0.02), np.float32(0.01), UINT8(12), UINT8(128), numbers(5)),
        image=whole(2, 6),
    ),
    Node("FusedConv", (KERNEL, numbers(6), numbers(2, 6, 4, 4)), attributes={"activation": "Relu"}, mixes=True),
    Node("FusedConv", (KERNEL,), {"activation": "LeakyRelu", "activation_params": [0.3]}),
    Node("FusedConv", (KERNEL,), {"activation": "Clip", "activation_params": [0.0, 6.0]}),
    Node("FusedGemm", (numbers(5, 4), numbers(4)), {"activation": "Relu"}, image=numbers(3, 5)),
    Node("FusedMatMul", (numbers(5, 6),), {"transB": 1, "alpha": 0.5}),
    Node("Gelu"),
    Node("BiasGelu", (numbers(6),)),
    Node("FastGelu", (numbers(6),)),
    Node("QuickGelu"),
]
NODES = [*PLAIN, *NORMS, *WINDOWS, *PRODUCTS, *REDUCTIONS, *MOVES, *QUANTIZED]
