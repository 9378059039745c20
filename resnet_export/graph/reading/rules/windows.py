"""Convolutions, poolings and pads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resnet_export.graph.reading.builder import Builder, sides
from resnet_export.graph.reading.rules import moves
from resnet_export.graph.reading.rules.arguments import (
    Attributes,
    Inputs,
    Single,
    feature,
    integers,
    number,
    optional,
    scalar,
)
from resnet_export.graph.reading.values import Feature, UnreadableError, Value
from resnet_export.network.operators.windows import output_size


def _convolution(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    weight = number(inputs[1])
    kernel = weight.value().shape[2:]
    x, window = _window(builder, feature(inputs[0]), attributes, kernel, merges=(0.0,))
    given = optional(inputs, 2)
    bias = None if given is None else number(given).vector()
    window["group"] = attributes.get("group", 1)
    return builder.add("Conv", [x], window, {"weight": weight, "bias": bias})


def _max_pool(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, kernel = feature(inputs[0]), attributes["kernel_shape"]
    merges = _own_pads(builder, x, attributes, kernel)
    x, window = _window(builder, x, attributes, kernel, merges=(x.filler,) if merges else ())
    return builder.add("MaxPool", [x], {"ceil_mode": attributes.get("ceil_mode", 0), **window})


def _own_pads(builder: Builder, x: Feature, attributes: Attributes, kernel: Sequence[int]) -> bool:
    """Whether the pads of its input may be a max pool's own, which are minus infinity.

    Zeros are the same where the input is never negative. Every window must see something else besides, and none may
    begin behind the input, as with `ceil_mode`.
    """
    if x.pads is None or attributes.get("ceil_mode") or attributes.get("auto_pad", "NOTSET") != "NOTSET":
        return False
    step = builder.steps.get(x.step)
    nonnegative = step is not None and step.op == "Relu"
    both = zip(attributes.get("pads") or (0,) * (2 * len(kernel)), sides(x.pads[-len(kernel) :]), strict=True)
    small = all(own + merged < size for (own, merged), size in zip(both, [*kernel, *kernel], strict=True))
    return small and (nonnegative or x.filler != 0.0)


def _average_pool(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, window = _window(builder, feature(inputs[0]), attributes, attributes["kernel_shape"])
    if window["kernel_shape"] == x.shape[2:] and not any(window["pads"]):
        return builder.add("GlobalAveragePool", [x])
    counted = {"ceil_mode": attributes.get("ceil_mode", 0), "count_include_pad": attributes.get("count_include_pad", 0)}
    return builder.add("AveragePool", [x], counted | window)


def _window(
    builder: Builder,
    x: Feature,
    attributes: Attributes,
    kernel: Sequence[int],
    merges: tuple[float, ...] = (),
) -> tuple[Feature, dict[str, Any]]:
    """(the upright input, the window's attributes), with `auto_pad` spelled out.

    Pads before it are merged where they are of a number in `merges`.
    """
    count = len(kernel)
    strides = tuple(attributes.get("strides") or (1,) * count)
    dilations = tuple(attributes.get("dilations") or (1,) * count)
    if not (x.filler in merges and x.upright and x.pads is not None and not any(map(any, x.pads[:-count]))):
        x = builder.settled(x)
    merged = x.pads[-count:] if x.pads is not None else ((0, 0),) * count
    lengths = [
        size + sum(pad) if isinstance(size, int) else 0 for size, pad in zip(x.shape[-count:], merged, strict=True)
    ]
    pads = _pads(attributes, lengths, kernel, strides, dilations)
    pads = tuple(own + more for own, more in zip(pads, sides(merged), strict=True))
    window = {"kernel_shape": tuple(kernel), "strides": strides, "pads": pads, "dilations": dilations}
    return replace(x, pads=None), window


def _pads(
    attributes: Attributes,
    lengths: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[int, ...]:
    """The pads of a window: those of `SAME_UPPER` and `SAME_LOWER` make ceil(length / stride) outputs."""
    mode = attributes.get("auto_pad", "NOTSET")
    if not mode.startswith("SAME"):
        given = tuple(attributes.get("pads") or (0,) * (2 * len(kernel)))
        if min(given) < 0:
            raise UnreadableError("its pads are negative")
        return given if mode == "NOTSET" else (0,) * (2 * len(kernel))
    found = [
        same_padding(length, (size - 1) * gap + 1, stride)
        for length, size, stride, gap in zip(lengths, kernel, strides, dilations, strict=True)
    ]
    return sides(found if mode == "SAME_UPPER" else [(after, before) for before, after in found])


def same_padding(length: int, span: int, stride: int) -> tuple[int, int]:
    """(before, after) of TensorFlow's SAME: ceil(length / stride) outputs, the odd one after."""
    total = max((output_size(length, 1, stride, 0) - 1) * stride + span - length, 0)
    return total // 2, total - total // 2


def _pad(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    amounts = attributes.get("pads") or integers(inputs[1])
    value = attributes.get("value", 0.0) if len(inputs) < 3 else scalar(inputs[2], 0.0)
    chosen = optional(inputs, 3)
    axes = range(len(x.shape)) if chosen is None else integers(chosen)
    half = len(amounts) // 2
    x = builder.unpadded(x)
    pads = [(0, 0)] * len(x.shape)
    for axis, before, after in zip(axes, amounts[:half], amounts[half:], strict=True):
        pads[x.perm[axis]] = (before, after)
    if min(map(min, pads)) < 0:
        x = _cropped(builder, x, [(max(-before, 0), max(-after, 0)) for before, after in pads])
        pads = [(max(before, 0), max(after, 0)) for before, after in pads]
    builder.refuse_batch(x, (axis for axis, amounts in enumerate(pads) if any(amounts)))
    mode = attributes.get("mode", "constant")
    if not any(map(any, pads)):
        return x
    if mode == "constant" and value in (0.0, -math.inf):
        return replace(x, pads=tuple(pads), filler=value)
    if mode not in ("constant", "edge", "reflect"):
        raise UnreadableError(f"its mode is {mode}")
    return builder.permuted("Pad", x, {"mode": mode, "pads": sides(pads), "value": float(value or 0)})


def _cropped(builder: Builder, x: Feature, sides: Sequence[tuple[int, int]]) -> Feature:
    """Without so many elements at either side of each axis of the step."""
    axes = [axis for axis, amounts in enumerate(sides) if any(amounts)]
    builder.refuse_batch(x, axes)
    ends = {axis: int(x.shape[axis]) - sides[axis][1] for axis in axes}  # type: ignore[arg-type]
    return moves.cut(builder, x, [(sides[axis][0], ends[axis], axis, 1) for axis in axes])


RULES: dict[str, Single] = {"AveragePool": _average_pool, "Conv": _convolution, "MaxPool": _max_pool, "Pad": _pad}
