"""One function for each kind of node that a random graph is made of: `operator(graph, x)` gives what it makes of x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.network.operators import OPERATORS
from tests.graph.reading.random_graphs import IMAGES, LARGEST, Graph, Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    import onnx

    Operator = Callable[[Graph, Value], Value | None]


def window(g: Graph, x: Value, *, dilates: bool, kernel: int = 3) -> dict[str, Any] | None:
    """Attributes of a window that fits; None where none does."""
    sizes = x.shape[2:]
    kernels = [g.random.randint(1, min(kernel, size)) for size in sizes]
    found: dict[str, Any] = {"kernel_shape": kernels}
    if g.flag(0.6):
        found["strides"] = [g.random.randint(1, 2) for _ in sizes]
    if dilates and g.flag(0.3):
        found["dilations"] = [g.random.randint(1, 2) for _ in sizes]
    gaps = found.get("dilations", [1] * len(sizes))
    if any((k - 1) * gap + 1 > size for k, gap, size in zip(kernels, gaps, sizes, strict=True)):
        return None
    fits = all(stride <= k for stride, k in zip(found.get("strides", [1] * len(sizes)), kernels, strict=True))
    if fits and g.flag(0.2):  # ONNX Runtime refuses SAME with a stride larger than the kernel
        found["auto_pad"] = g.pick("SAME_UPPER", "SAME_LOWER", "VALID")
    elif g.flag(0.7):
        found["pads"] = [g.random.randint(0, k - 1) for k in kernels * 2]
    return found


def convolution(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 3 or min(x.shape) < 1:
        return None
    attributes = window(g, x, dilates=True)
    if attributes is None or (attributes.get("auto_pad", "").startswith("SAME") and "dilations" in attributes):
        return None  # ONNX Runtime refuses that pair
    channels = x.shape[1]
    group = g.random.choice([size for size in range(1, channels + 1) if channels % size == 0])
    out = group * g.random.randint(1, max(1, 6 // group))
    weight = g.normal(out, channels // group, *attributes["kernel_shape"], scale=0.5)
    inputs = [g.number(weight)] + ([g.number(g.normal(out))] if g.flag() else [])
    if g.flag(0.3):
        del attributes["kernel_shape"]
    if group > 1 or g.flag():
        attributes["group"] = group
    return g.one("Conv", x, *inputs, **attributes)


def pool(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 3:
        return None
    op = g.pick("MaxPool", "AveragePool")
    attributes = window(g, x, dilates=g.opset >= (10 if op == "MaxPool" else 19))
    if attributes is None:
        return None
    if "auto_pad" in attributes:
        attributes.pop("dilations", None)
    elif g.opset >= 10 and g.flag(0.4):
        attributes["ceil_mode"] = 1
    if op == "AveragePool" and g.flag(0.4):
        attributes["count_include_pad"] = 1
    if op == "AveragePool" and g.flag(0.15):
        return g.one(op, x, kernel_shape=list(x.shape[2:]))
    made = g.one(op, x, **attributes)
    ones = [1] * (x.rank - 2)
    given = {"strides": ones, "dilations": ones, "pads": [0] * 2 * (x.rank - 2)} | attributes
    # ONNX's own inference counts windows that begin behind the input. ONNX Runtime doesn't run them, and trips over
    # the difference.
    fits = "ceil_mode" not in attributes or OPERATORS[op].shape(given, [x.shape], {}) == made.shape
    return made if fits else None


def pad(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.size > LARGEST:
        return None
    mode = g.pick("constant", "constant", "constant", "reflect", "edge")
    if mode == "reflect" and (min(x.shape[1:]) < 3 or x.rank != 4):
        return None
    most = [min(2, size - 1) if mode == "reflect" else 2 for size in x.shape[1:]]
    if mode != "constant":
        most[0] = 0
    sides = [[0, *(g.random.randint(0, size) for size in most)] for _ in range(2)]
    value = g.pick(0.0, 0.0, -1.5)
    shape = tuple(map(sum, zip(x.shape, *sides, strict=True)))
    if g.opset < 11:
        return g.with_shape("Pad", [x.name], shape, pads=sides[0] + sides[1], mode=mode, value=value)
    inputs = [g.integers(*sides[0], *sides[1])]
    if mode == "constant" and (value or g.flag()):
        inputs.append(g.number(np.float32(value)))
    if g.opset >= 18 and g.flag(0.3):
        inputs = [g.integers(*sides[0][1:], *sides[1][1:]), inputs[1] if len(inputs) > 1 else ""]
        inputs.append(g.integers(*(g.counted(axis, x.rank) for axis in range(1, x.rank))))
    return g.with_shape("Pad", [x.name, *inputs], shape, mode=mode)


def padded_window(g: Graph, x: Value) -> Value | None:
    """A pad right before what takes it for its own."""
    padded = pad(g, activation(g, x) if g.flag() else x)
    return None if padded is None else (g.pick(convolution, pool)(g, padded) or padded)


def batch_norm(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 2:
        return None
    c = x.shape[1]
    numbers = (g.normal(c), g.normal(c), g.normal(c), g.positive(c))
    attributes = {"epsilon": g.pick(1e-5, 1e-3, 1e-2)} if g.flag(0.7) else {}
    return g.one("BatchNormalization", x, *map(g.number, numbers), **attributes)


def written_batch_norm(g: Graph, x: Value) -> Value | None:
    """gamma / sqrt(variance + eps) and what follows, along any axis."""
    if not x.leads:
        return None
    axis = g.random.randrange(1, x.rank)
    shape = (x.shape[axis], *(1,) * (x.rank - axis - 1))
    mean, beta, gamma, variance = (
        g.number(a) for a in (g.normal(*shape), g.normal(*shape), g.normal(*shape), g.positive(*shape))
    )  # fmt: skip
    root = g.computed("Sqrt", g.computed("Add", variance, g.number(np.float32(1e-3))))
    divided = g.flag()
    scale = g.computed("Div", gamma, root) if divided else g.computed("Mul", gamma, g.computed("Reciprocal", root))
    if g.flag(0.3):
        centred = g.with_shape("Sub", [x.name, mean], x.shape)
        scaled = g.with_shape("Mul", [centred.name, scale], x.shape)
        return g.with_shape("Add", [scaled.name, beta], x.shape)
    scaled = g.with_shape("Mul", [x.name, scale][:: g.pick(1, -1)], x.shape)
    shift = g.computed("Sub", beta, g.computed("Mul", *[mean, scale][:: g.pick(1, -1)]))
    return g.with_shape("Add", [scaled.name, shift][:: g.pick(1, -1)], x.shape)


def norm(g: Graph, x: Value) -> Value | None:
    if not x.leads:
        return None
    epsilon = g.pick(1e-2, 1e-1)  # a pad may have made a channel constant: rounding grows by 1 / sqrt(eps)
    if x.rank >= 3 and g.flag():
        if np.prod(x.shape[2:]) < 4:
            return None
        c = x.shape[1]
        numbers = [g.number(g.normal(c)), g.number(g.normal(c))]
        return g.one("InstanceNormalization", x, *numbers, epsilon=epsilon)
    axis = g.random.randrange(1, x.rank)
    if g.opset < 17 or np.prod(x.shape[axis:]) < 4:
        return None
    inputs = [g.number(g.normal(*x.shape[axis:]))] + ([g.number(g.normal(*x.shape[axis:]))] if g.flag() else [])
    return g.one("LayerNormalization", x, *inputs, axis=g.counted(axis, x.rank), epsilon=epsilon)


def activation(g: Graph, x: Value) -> Value:
    op = g.pick("Relu", "Relu", "Sigmoid", "Tanh", "Elu", "LeakyRelu", "HardSigmoid", "Softplus", "Abs", "Neg", "Erf")
    attributes = {}
    if op in ("Elu", "LeakyRelu", "HardSigmoid") and g.flag():
        attributes["alpha"] = g.pick(0.1, 0.3, 1 / 6)
    if op == "HardSigmoid" and g.flag():
        attributes["beta"] = 0.25
    if op == "Erf" and g.opset < 9:
        op = "Tanh"
    if g.opset >= 14 and g.flag(0.1):
        op, attributes = "HardSwish", {}
    return g.one(op, x, **attributes)


def safe(g: Graph, x: Value) -> Value:
    """Functions that are not defined, or ill-conditioned, for some numbers."""
    above = g.one("Add", g.one("Abs", x), g.number(np.float32(0.5)))
    match g.pick("Log", "Sqrt", "Reciprocal", "Exp", "Pow", "Div"):
        case "Exp":
            return g.one("Exp", g.one("Tanh", x))
        case "Pow":
            return g.one("Pow", above, g.number(np.float32(g.pick(2.0, 0.5, 1.0, -1.0))))
        case "Div":
            return g.one("Div", *g.pick((x, above), (g.number(np.float32(2.0)), above)))
        case op:
            return g.one(op, above)


def clip(g: Graph, x: Value) -> Value:
    least, most = g.pick((0.0, 6.0), (0.0, None), (None, 1.0), (-1.0, 1.0), (None, None), (0.1, 0.9))
    if g.opset < 11:
        return g.one("Clip", x, **{k: v for k, v in (("min", least), ("max", most)) if v is not None})
    bounds = ["" if bound is None else g.number(np.float32(bound)) for bound in (least, most)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return g.one("Clip", x, *bounds)


def prelu(g: Graph, x: Value) -> Value | None:
    if not x.leads:
        return None
    return g.one("PRelu", x, g.number(g.positive(*_slope(g, x))))


def _slope(g: Graph, x: Value) -> tuple[int, ...]:
    """Every shape that broadcasts over an image's axes, from a scalar to all of them."""
    axes = x.shape[g.random.randrange(1, x.rank + 1) :]
    return tuple(g.pick(1, size) for size in axes)


def with_number(g: Graph, x: Value) -> Value | None:
    """Arithmetic with a number of any shape, on either side."""
    if not x.leads:
        return None
    op = g.pick("Add", "Sub", "Mul", "Div", "Max", "Min", "Add", "Mul")
    shape = _slope(g, x)
    if g.flag(0.2):
        shape = (1,) * (x.rank - len(shape)) + shape
    if x.size < LARGEST / 8 and g.flag(0.15):  # the value is the smaller one
        shape = tuple(g.pick(1, 3) if own == 1 else size for own, size in zip(x.shape[::-1], shape[::-1], strict=False))
        shape = shape[::-1]
    if op in ("Max", "Min") and g.opset < 8:
        return None
    number = g.number(g.positive(*shape) if op == "Div" else g.normal(*shape))
    if op == "Div":
        return g.one(op, x, number)
    operands = [x, number][:: g.pick(1, -1)]
    if op in ("Max", "Min") and g.flag(0.3):
        operands.append(x if g.flag() else g.number(g.normal(*shape)))
    return g.one(op, *operands)


def squeeze_excite(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank != 4:
        return None
    c = x.shape[1]
    pooled = g.one("GlobalAveragePool", x) if g.flag() else reduced(g, x, "ReduceMean", [2, 3], keepdims=1)
    first = g.one("Conv", pooled, g.number(g.normal(2, c, 1, 1)), g.number(g.normal(2)))
    second = g.one("Conv", g.one("Relu", first), g.number(g.normal(c, 2, 1, 1)))
    return g.one("Mul", *[x, g.one(g.pick("Sigmoid", "HardSigmoid"), second)][:: g.pick(1, -1)])


def branches(g: Graph, x: Value) -> Value | None:
    """Two ways to the same place: a shortcut, or a concatenation."""
    left, right = activation(g, x), g.pick(with_number, activation, clip)(g, x)
    if right is None or right.shape != x.shape or not x.leads:
        return None
    if g.flag():
        return g.one(g.pick("Add", "Mul", "Sub", "Add"), *g.pick((left, right), (right, left), (left, x)))
    return None if x.size > LARGEST else g.one("Concat", left, right, axis=g.axis(x))


def split(g: Graph, x: Value) -> Value | None:
    """Cut into parts, which change places."""
    axis = g.random.randrange(1, x.rank)
    length = x.shape[axis]
    if not x.leads or length < 2:
        return None
    if length % 2 == 0 and g.flag(0.3):
        attributes = {"num_outputs": 2} if g.opset >= 18 else {}
        parts = g.node("Split", x, outputs=2, axis=g.counted(axis, x.rank), **attributes)
    else:
        sizes = [cut := g.random.randint(1, length - 1), length - cut]
        if g.opset >= 13:
            parts = g.node("Split", x, g.integers(*sizes), outputs=2, axis=g.counted(axis, x.rank))
        else:
            parts = g.node("Split", x, outputs=2, axis=axis, split=sizes)
    first, second = parts
    if g.flag(0.2):
        return activation(g, second)
    return g.one("Concat", activation(g, second), first, axis=axis)


def cut(g: Graph, x: Value) -> Value | None:
    axis = g.random.randrange(1, x.rank)
    length = x.shape[axis]
    if not x.leads or length < 2:
        return None
    start, end, step = g.pick((0, length, 1), (1, length, 1), (0, -1, 1), (0, 2**31 - 1, 2), (0, length, 2))
    if g.opset < 10:
        return g.one("Slice", x, starts=[start], ends=[end], axes=[axis]) if step == 1 else None
    if g.flag(0.2):
        start, end, step = -1, -(2**31), -1
    return g.one("Slice", x, *(g.integers(v) for v in (start, end, g.counted(axis, x.rank), step)))


def gather(g: Graph, x: Value) -> Value | None:
    axis = g.random.randrange(1, x.rank)
    length = x.shape[axis]
    if not x.leads or (g.flag(0.3) and x.rank < 3):
        return None
    if x.rank > 2 and g.flag(0.2):
        return g.one("Gather", x, g.number(np.int64(g.random.randrange(length))), axis=axis)
    indices = g.random.choices(range(length), k=g.random.randint(1, length))
    if g.opset >= 11 and g.flag(0.3):
        indices[0] -= length
    return g.one("Gather", x, g.integers(*indices), axis=g.counted(axis, x.rank))


def transpose(g: Graph, x: Value) -> Value:
    order = [0, *(g.random.sample(range(1, x.rank), x.rank - 1))]
    if x.rank == 4 and g.flag(0.6):
        order = g.pick([0, 2, 3, 1], [0, 3, 1, 2])
    if g.flag(0.03):
        order = g.random.sample(range(x.rank), x.rank)
    return g.one("Transpose", x, perm=order) if g.flag(0.95) else g.one("Transpose", x)


def island(g: Graph, x: Value) -> Value | None:
    """Channels last for a while."""
    if not x.leads or x.rank != 4:
        return None
    inside = g.one("Transpose", x, perm=[0, 2, 3, 1])
    for _ in range(g.random.randint(1, 3)):
        made = g.pick(activation, with_number, pad, written_batch_norm, clip, prelu, reduce_, softmax, cut)(g, inside)
        inside = made or inside
    if inside.rank != 4:
        return inside
    return g.one("Transpose", inside, perm=[0, 3, 1, 2])


def reshape(g: Graph, x: Value) -> Value | None:
    """To another shape of the same order, in one of the ways to spell it."""
    if not x.leads:
        return None
    target = _target(g, x)
    batch = g.batch
    if g.flag(0.3):
        sizes = g.computed("Shape", x.name)
        first = g.computed("Gather", sizes, g.number(np.int64(0)), axis=0)
        parts = [_unsqueezed(g, first), g.integers(*target[1:-1], -1) if g.flag() else g.integers(*target[1:])]
        shape = g.computed("Concat", *parts, axis=0)
    else:
        spelled = [g.pick(0, -1, *([] if batch is None else [batch])), *target[1:]]
        if spelled[0] != -1 and g.flag(0.3):
            spelled[-1] = -1
        if g.flag(0.3):
            spelled = [0 if i and i < x.rank and s == x.shape[i] else s for i, s in enumerate(spelled)]
        shape = g.integers(*spelled)
    return g.with_shape("Reshape", [x.name, shape], target)


def _unsqueezed(g: Graph, name: str) -> str:
    if g.opset >= 13:
        return g.computed("Unsqueeze", name, g.integers(0))
    return g.computed("Unsqueeze", name, axes=[0])


def _target(g: Graph, x: Value) -> tuple[int, ...]:
    sizes = list(x.shape[1:])
    if len(sizes) > 1 and g.flag(0.6):
        at = g.random.randrange(len(sizes) - 1)
        sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
    if len(sizes) < 4 and g.flag(0.7):
        at = g.random.randrange(len(sizes))
        factor = g.random.choice([n for n in range(1, 5) if sizes[at] % n == 0])
        sizes[at : at + 1] = [factor, sizes[at] // factor]
    return (IMAGES, *sizes)


def shuffle(g: Graph, x: Value) -> Value | None:
    """The channels of a group change places with the groups, as in ShuffleNet."""
    if not x.leads or x.rank != 4 or x.shape[1] % 2:
        return None
    c, h, w = x.shape[1:]
    wide = g.with_shape("Reshape", [x.name, g.integers(0, 2, c // 2, h, w)], (IMAGES, 2, c // 2, h, w))
    turned = g.one("Transpose", wide, perm=[0, 2, 1, 3, 4])
    return g.with_shape("Reshape", [turned.name, g.integers(g.pick(0, -1), c, h, w)], x.shape)


def flatten(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 2:
        return None
    return g.one("Flatten", x, axis=g.counted(1, x.rank)) if g.flag() else g.one("Flatten", x)


def squeeze(g: Graph, x: Value) -> Value | None:
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if not ones or not x.leads:
        return None
    if g.flag(0.2):
        return g.one("Squeeze", x) if g.batch != 1 else None
    axes = [g.counted(axis, x.rank) for axis in g.random.sample(ones, g.random.randint(1, len(ones)))]
    return g.axes("Squeeze", 13, x, sorted(axes))


def unsqueeze(g: Graph, x: Value) -> Value | None:
    if x.rank > 4:
        return None
    axis = g.random.randint(1, x.rank)
    made = g.axes("Unsqueeze", 13, x, [g.counted(axis, x.rank + 1)])
    return Value(made.name, (*x.shape[:axis], 1, *x.shape[axis:]))


def reduced(g: Graph, x: Value, op: str, axes: list[int], **attributes: Any) -> Value:
    return g.axes(op, 13 if op == "ReduceSum" else 18, x, axes, **attributes)


def reduce_(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 3:
        return None
    op = g.pick("ReduceMean", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2")
    chosen = g.random.sample(range(1, x.rank), g.random.randint(1, x.rank - 2))
    axes = [g.counted(axis, x.rank) for axis in chosen]
    return reduced(g, x, op, axes, **({"keepdims": g.pick(0, 1)} if g.flag(0.8) else {}))


def global_pool(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 3:
        return None
    return g.one(g.pick("GlobalAveragePool", "GlobalMaxPool"), x)


def softmax(g: Graph, x: Value) -> Value | None:
    if not x.leads:
        return None
    op = g.pick("Softmax", "LogSoftmax")
    return g.one(op, x, axis=g.axis(x)) if g.flag(0.8) else g.one(op, x)


def matmul(g: Graph, x: Value) -> Value | None:
    """A product with a matrix, with several, or of the value with its own transpose."""
    if not x.leads or x.rank < 2:
        return None
    if x.rank > 2 and g.flag(0.2):
        order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        return g.one("MatMul", x, g.one("Transpose", x, perm=order)) if x.shape[-2] < 9 else None
    if x.rank > 2 and g.flag(0.2):
        return g.one("MatMul", g.number(g.normal(2, x.shape[-2], scale=0.3)), x)
    more = x.shape[1:-2] if x.rank > 3 and g.flag(0.3) else ()
    product = g.one("MatMul", x, g.number(g.normal(*more, x.shape[-1], g.random.randint(1, 5), scale=0.3)))
    return g.one("Add", product, g.number(g.normal(product.shape[-1]))) if g.flag() else product


def gemm(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank != 2:
        return None
    out, turned = g.random.randint(2, 6), g.flag()
    weight = g.normal(x.shape[1], out, scale=0.3)
    bias = g.normal(*g.pick((out,), (1, out), (1,), ()))
    inputs = [g.number(weight.T.copy() if turned else weight)]
    if g.opset < 11 or g.flag(0.8):
        inputs.append(g.number(bias))
    return g.one("Gemm", x, *inputs, **({"transB": 1} if turned else {}))


def expand(g: Graph, x: Value) -> Value | None:
    if g.opset < 8 or not x.leads or x.size > LARGEST / 4:
        return None
    target = [1, *(g.pick(1, 1, size, 3) if size == 1 else g.pick(1, size) for size in x.shape[1:])]
    made = g.one("Expand", x, g.integers(*(target if g.flag() else target[1:])))
    return g.one("Add", x, made) if g.flag() else made


def same(g: Graph, x: Value) -> Value:
    match g.pick("Identity", "Dropout", "Cast"):
        case "Cast":
            return g.one("Cast", x, to=1)
        case op:
            return g.one(op, x)


KINDS: tuple[Operator, ...] = (
    convolution, convolution, convolution, pool, pool, pad, padded_window, padded_window, batch_norm,
    written_batch_norm,
    norm, activation, activation, safe, clip, prelu, with_number, with_number, with_number, squeeze_excite, branches,
    branches, split, cut, gather, transpose, island, island, reshape, shuffle, flatten, squeeze, unsqueeze, reduce_,
    global_pool, softmax, matmul, gemm, expand, same,
)  # fmt: skip


def choice(g: Graph, x: Value) -> Value | None:
    """By a comparison, of two values that meet where it turns: float32 may decide the other way there."""
    if not x.leads or g.opset < 9:
        return None
    at = g.number(np.float32(g.pick(0.0, 0.5)))
    above = g.one("Greater", x, at) if g.flag() else g.one("Not", g.one("Less", x, at))
    beside = g.one("Max", x, at) if g.flag() else g.one("Sub", g.one("Add", at, at), x)
    return g.one("Where", above, *g.pick((x, beside), (beside, x), (x, at), (at, x)))


def more_norms(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank != 4:
        return None
    match g.pick("LRN", "LpNormalization", "GroupNormalization"):
        case "LRN":
            return g.one("LRN", x, size=g.pick(1, 3, 5), alpha=g.pick(1e-4, 0.2), beta=g.pick(0.5, 0.75))
        case "LpNormalization":
            above = g.one("Add", g.one("Abs", x), g.number(np.float32(0.5)))
            return g.one("LpNormalization", above, axis=g.pick(1, 2, 3, -1), p=g.pick(1, 2))
        case _:
            channels = x.shape[1]
            groups = g.random.choice([size for size in range(1, channels + 1) if channels % size == 0])
            if g.opset < 18 or x.size // groups < 4:
                return None
            count = groups if g.opset < 21 else channels
            numbers = [g.number(g.normal(count)), g.number(g.normal(count))]
            return g.with_shape(
                "GroupNormalization", [x.name, *numbers], x.shape, num_groups=groups, epsilon=g.pick(1e-2, 1e-1)
            )


def more_activations(g: Graph, x: Value) -> Value | None:
    op = g.pick("Selu", "Celu", "Mish", "Softsign", "Gelu")
    if g.opset < {"Celu": 12, "Mish": 18, "Gelu": 20}.get(op, 7):
        return None
    return g.one(op, x, **({"alpha": g.pick(0.5, 2.0)} if op == "Celu" else {}))


def more_reductions(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank < 3:
        return None
    op = g.pick("ReduceL1", "ReduceSumSquare", "ReduceLogSumExp", "ReduceProd")
    bounded = g.one("Tanh", x)
    return g.axes(op, 18, bounded, [g.axis(x)], keepdims=g.pick(0, 1))


def blocks(g: Graph, x: Value) -> Value | None:
    """Pixels that become channels, and the other way round."""
    if not x.leads or x.rank != 4:
        return None
    channels, *sizes = x.shape[1:]
    if channels % 4 == 0 and g.flag():
        return g.one("DepthToSpace", x, blocksize=2, **({"mode": g.pick("DCR", "CRD")} if g.opset >= 11 else {}))
    return g.one("SpaceToDepth", x, blocksize=2) if not any(size % 2 for size in sizes) else None


def tile(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.size > LARGEST / 4:
        return None
    counts = [1, *(g.pick(1, 1, 2) for _ in x.shape[1:])]
    shape = tuple(size * count for size, count in zip(x.shape, counts, strict=True))
    return g.with_shape("Tile", [x.name, g.integers(*counts)], shape)


def scaled_gemm(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank != 2:
        return None
    numbers = [g.number(g.normal(x.shape[1], 4, scale=0.3)), g.number(g.normal(4))]
    return g.one("Gemm", x, *numbers, alpha=g.pick(0.5, 1.5), beta=g.pick(0.25, 2.0))


def negative_pad(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank != 4 or min(x.shape[2:]) < 4:
        return None
    sides = [g.random.randint(-1, 1) for _ in range(4)]
    shape = (*x.shape[:2], x.shape[2] + sides[0] + sides[2], x.shape[3] + sides[1] + sides[3])
    pads = [0, 0, *sides[:2], 0, 0, *sides[2:]]
    if g.opset < 11:
        return g.with_shape("Pad", [x.name], shape, pads=pads)
    return g.with_shape("Pad", [x.name, g.integers(*pads)], shape)


def places(g: Graph, x: Value) -> Value | None:
    """A dense layer of the last axis, by a matrix of the places of all images."""
    if not x.leads or x.rank < 3:
        return None
    *outer, columns = x.shape
    rows = math.prod(outer)
    spelled = g.integers(g.pick(-1, *([] if g.batch is None else [g.batch * rows // IMAGES])), columns)
    made = g.with_shape("Reshape", [x.name, spelled], (rows, columns))
    for _ in range(g.random.randint(1, 3)):
        out = g.random.randint(1, 5)
        weight = g.number(g.normal(made.shape[1], out, scale=0.3))
        match g.pick("MatMul", "Gemm", "Add", "Relu"):
            case "MatMul":
                made = g.with_shape("MatMul", [made.name, weight], (rows, out))
            case "Gemm":
                bias = g.number(g.normal(*g.pick((out,), (1, out), (1,))))
                made = g.with_shape("Gemm", [made.name, weight, bias], (rows, out), alpha=g.pick(1.0, 0.5))
            case "Add":
                number = g.number(g.normal(*g.pick((made.shape[1],), (1, made.shape[1]), (1,))))
                made = g.with_shape("Add", [made.name, number][:: g.pick(1, -1)], made.shape)
            case op:
                made = g.with_shape(op, [made.name], made.shape)
    back = g.integers(g.pick(-1, *([] if g.batch is None else [g.batch])), *outer[1:], made.shape[1])
    return g.with_shape("Reshape", [made.name, back], (*outer, made.shape[1]))


MORE_KINDS: tuple[Operator, ...] = (
    *KINDS, choice, choice, more_norms, more_norms, more_activations, more_reductions, blocks, tile, scaled_gemm,
    negative_pad, places, places,
)  # fmt: skip
"""Those and what came later: another list, so that what a seed of the first gives stays what it is."""


def scattered(g: Graph, x: Value) -> Value | None:
    """Slices of an axis are written anew, as `x[:, :2] = y` does."""
    if not x.leads or g.opset < 11:
        return None
    axis = g.random.randrange(1, x.rank)
    count = g.random.randint(1, x.shape[axis])
    at = g.random.sample(range(x.shape[axis]), count)
    front = [axis, *(other for other in range(x.rank) if other != axis)]
    turned = g.one("Transpose", x, perm=front)
    taken = activation(g, g.one("Gather", turned, g.integers(*g.random.sample(range(x.shape[axis]), count)), axis=0))
    if g.batch is not None and g.flag():
        back = [front.index(other) for other in range(x.rank)]
        shape = [g.batch if own == 0 else count if own == axis else x.shape[own] for own in range(x.rank)]
        points = np.broadcast_to(np.reshape(at, [-1 if own == axis else 1 for own in range(x.rank)]), shape)
        written = g.one("Transpose", taken, perm=back)
        given = [x.name, g.number(np.ascontiguousarray(points).astype(np.int64)), written.name]
        return g.with_shape("ScatterElements", given, x.shape, axis=axis)
    points = g.number(np.array(at, np.int64)[:, None] - g.pick(0, x.shape[axis]))
    made = g.with_shape("ScatterND", [turned.name, points, taken.name], turned.shape)
    return g.one("Transpose", made, perm=[front.index(other) for other in range(x.rank)])


def wrapped(g: Graph, x: Value) -> Value | None:
    """A circular pad."""
    if not x.leads or x.rank < 3 or x.size > LARGEST or g.opset < 19:
        return None
    sides = [[0, 0, *(g.random.randint(0, min(2, size)) for size in x.shape[2:])] for _ in range(2)]
    shape = tuple(map(sum, zip(x.shape, *sides, strict=True)))
    return g.with_shape("Pad", [x.name, g.integers(*sides[0], *sides[1])], shape, mode="wrap")


def gathered_by_a_matrix(g: Graph, x: Value) -> Value | None:
    if not x.leads or x.rank > 4:
        return None
    axis = g.random.randrange(1, x.rank)
    at = g.numbers.integers(0, x.shape[axis], (g.random.randint(1, 3), g.random.randint(1, 3)))
    return g.one("Gather", x, g.number(at.astype(np.int64)), axis=g.counted(axis, x.rank))


def product_by_an_equation(g: Graph, x: Value) -> Value | None:
    """`Einsum` of a value with itself, summed over some axes before, or with a number."""
    if not x.leads or g.opset < 12 or min(x.shape) < 1:
        return None
    sizes = dict(zip("nchwde", x.shape, strict=False))
    own = "".join(sizes)
    other = "".join(letter for letter in own[1:] if g.flag(0.6))
    if g.flag():
        second = activation(g, x)
        left_out = [axis for axis, letter in enumerate(own) if letter not in other and axis]
        second = reduced(g, second, "ReduceMean", left_out, keepdims=0) if left_out else second
        other = f"n{other}"
    else:
        if g.flag():
            other, sizes["k"] = f"{other}k", g.random.randint(1, 4)
        if not other:
            return None
        shape = [sizes[letter] for letter in other]
        second = Value(g.number(g.normal(*shape, scale=0.3)), tuple(shape))
    summed = [letter for letter in other if letter in own[1:] and g.flag()]
    out = [letter for letter in sizes if letter not in summed]
    if math.prod(sizes[letter] for letter in out) > LARGEST * IMAGES or len(out) < 2:
        return None
    rest = g.random.sample(out[1:], len(out) - 1)
    turn = g.pick(1, -1)
    equation = f"{','.join([own, other][::turn])}->n{''.join(rest)}"
    shape = (IMAGES, *(sizes[letter] for letter in rest))
    return g.with_shape("Einsum", [x.name, second.name][::turn], shape, equation=equation)


NEWEST_KINDS: tuple[Operator, ...] = (
    *MORE_KINDS, scattered, scattered, wrapped, wrapped, gathered_by_a_matrix, product_by_an_equation,
    product_by_an_equation,
)  # fmt: skip


def random_classifier(
    random: Random, kinds: tuple[Operator, ...] = KINDS
) -> tuple[onnx.ModelProto, tuple[int, int, int], int | None]:
    """(a model, the image that it takes, the number of images that it is fixed to)."""
    g = Graph(random)
    x, more = g.source, []
    for _ in range(random.randint(2, 12)):
        made = random.choice(kinds)(g, x)
        if made is None or 0 in made.shape or made.rank < 2:
            continue
        x = made
        if x.leads and g.flag(0.06):
            more.append(x)
    x = _classified(g, x)
    outputs = {value.name: value for value in (x, *more)}
    return g.finished(list(outputs.values())), g.image, g.batch


def _classified(g: Graph, x: Value) -> Value:
    """A vector for each image."""
    if x.rank == 4 and x.leads and g.flag():
        x = g.pick(global_pool, reduce_)(g, x) or x
    if not x.leads:
        return x
    if x.rank != 2:
        size = x.size
        x = g.one("Flatten", x) if g.flag() else g.with_shape("Reshape", [x.name, g.integers(0, size)], (IMAGES, size))
    if g.flag(0.7):
        x = g.pick(gemm, matmul)(g, x) or x
    return softmax(g, x) or x if g.flag(0.2) else x
