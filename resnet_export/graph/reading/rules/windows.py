"""Convolutions, poolings and pads."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resnet_export.graph.reading.builder import Builder, sides
from resnet_export.graph.reading.rules import moves
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, integers, number, scalar
from resnet_export.graph.reading.values import Feature, UnreadableError, Value


def _convolution(
    builder: Builder, x: Input, weight: Input, bias: Input = None, *, group: int = 1, **attributes: Any
) -> Value:
    kernel = number(weight).value().shape[2:]
    taken, window = _window(builder, feature(x), attributes, kernel, merges=(0.0,))
    numbers = {"weight": number(weight), "bias": None if bias is None else number(bias).vector()}
    return builder.add("Conv", [taken], {**window, "group": group}, numbers)


def _max_pool(
    builder: Builder, x: Input, *, kernel_shape: Sequence[int], ceil_mode: int = 0, **attributes: Any
) -> Value:
    taken = feature(x)
    merges = not ceil_mode and _own_pads(builder, taken, attributes, kernel_shape)
    taken, window = _window(builder, taken, attributes, kernel_shape, merges=(taken.filler,) if merges else ())
    return builder.add("MaxPool", [taken], {"ceil_mode": ceil_mode, **window})


def _own_pads(builder: Builder, x: Feature, attributes: dict[str, Any], kernel: Sequence[int]) -> bool:
    """Whether the pads of its input may be a max pool's own, which are minus infinity.

    Zeros are the same where the input is never negative. Every window must see something else besides, and none may
    begin behind the input, as with `ceil_mode`.
    """
    if x.pads is None or attributes.get("auto_pad", "NOTSET") != "NOTSET":
        return False
    step = builder.steps.get(x.step)
    nonnegative = step is not None and step.op == "Relu"
    both = zip(attributes.get("pads") or (0,) * (2 * len(kernel)), sides(x.pads[-len(kernel) :]), strict=True)
    small = all(own + merged < size for (own, merged), size in zip(both, [*kernel, *kernel], strict=True))
    return small and (nonnegative or x.filler != 0.0)


def _average_pool(
    builder: Builder,
    x: Input,
    *,
    kernel_shape: Sequence[int],
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    **attributes: Any,
) -> Value:
    taken, window = _window(builder, feature(x), attributes, kernel_shape)
    if window["kernel_shape"] == taken.shape[2:] and not any(window["pads"]):
        return builder.add("GlobalAveragePool", [taken])
    counted = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return builder.add("AveragePool", [taken], counted | window)


def _window(
    builder: Builder, x: Feature, attributes: dict[str, Any], kernel: Sequence[int], merges: tuple[float, ...] = ()
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
    attributes: dict[str, Any],
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
    total = max((-(-length // stride) - 1) * stride + span - length, 0)
    return total // 2, total - total // 2


def _pad(
    builder: Builder,
    image: Input,
    amounts: Input = None,
    filler: Input = None,
    chosen: Input = None,
    *,
    mode: str = "constant",
    pads: Sequence[int] | None = None,
    value: float = 0.0,
) -> Value:
    x = builder.unpadded(feature(image))
    ends = pads or integers(amounts)
    axes = range(len(x.shape)) if chosen is None else integers(chosen)
    half, constant = len(ends) // 2, scalar(filler, value)
    around = [(0, 0)] * len(x.shape)
    for axis, before, after in zip(axes, ends[:half], ends[half:], strict=True):
        around[x.perm[axis]] = (before, after)
    if min(map(min, around)) < 0:
        x = _cropped(builder, x, [(max(-before, 0), max(-after, 0)) for before, after in around])
        around = [(max(before, 0), max(after, 0)) for before, after in around]
    builder.refuse_batch(x, (axis for axis, amounts in enumerate(around) if any(amounts)))
    if not any(map(any, around)):
        return x
    if mode == "constant" and constant in (0.0, -math.inf):
        return replace(x, pads=tuple(around), filler=constant)
    if mode == "wrap":
        return _wrapped(builder, x, around)
    if mode not in ("constant", "edge", "reflect"):
        raise UnreadableError(f"its mode is {mode}")
    return builder.permuted("Pad", x, {"mode": mode, "pads": sides(around), "value": float(constant or 0)})


def _wrapped(builder: Builder, x: Feature, sides: Sequence[tuple[int, int]]) -> Feature:
    """With its end before its beginning, and its beginning behind its end, along each axis of the step."""
    for axis, (before, after) in enumerate(sides):
        length = x.shape[axis]
        if not before and not after:
            continue
        if not isinstance(length, int) or max(before, after) > length:
            raise UnreadableError("it wraps around more than once")
        parts = [x]
        if before:
            parts.insert(0, moves.cut(builder, x, [(length - before, length, axis, 1)]))
        if after:
            parts.append(moves.cut(builder, x, [(0, after, axis, 1)]))
        x = replace(builder.add("Concat", parts, {"axis": axis}), perm=x.perm)
    return x


def _cropped(builder: Builder, x: Feature, sides: Sequence[tuple[int, int]]) -> Feature:
    """Without so many elements at either side of each axis of the step."""
    axes = [axis for axis, amounts in enumerate(sides) if any(amounts)]
    builder.refuse_batch(x, axes)
    ends = {axis: int(x.shape[axis]) - sides[axis][1] for axis in axes}  # type: ignore[arg-type]
    return moves.cut(builder, x, [(sides[axis][0], ends[axis], axis, 1) for axis in axes])


RULES: dict[str, Single] = {"AveragePool": _average_pool, "Conv": _convolution, "MaxPool": _max_pool, "Pad": _pad}
