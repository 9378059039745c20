"""Operators that compute nothing: they order, cut, join and repeat."""

from collections.abc import Mapping, Sequence

import numpy as np

from resnet_export.network.operators.operator import Attributes, Floats, Operator, Sizes
from resnet_export.network.sizes import Batch, Shape, Size, broadcast, product


def _flat_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    axis = attributes["axis"]
    return (product(x[:axis]), product(x[axis:]))


def _flattened(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    return x.reshape(int(np.prod(x.shape[: attributes["axis"]])), -1)


def _reshape_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    """0 keeps the axis of the input, and -1 is what remains."""
    (x,) = inputs
    sizes: list[Size] = [x[axis] if size == 0 else size for axis, size in enumerate(attributes["shape"])]
    if -1 in sizes:
        at = sizes.index(-1)
        rest = product(size for size in sizes if size != -1)
        total = product(x)
        if isinstance(rest, Batch) and not isinstance(total, Batch):
            raise ValueError(f"{x} can't become {attributes['shape']}")
        sizes[at] = total // rest  # type: ignore[operator]
    if product(sizes) != product(x):
        raise ValueError(f"{x} can't become {attributes['shape']}")
    return tuple(sizes)


def _reshaped(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(attributes["shape"])])


def _permuted(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    return tuple(inputs[0][axis] for axis in attributes["perm"])


def _transposed(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    return inputs[0].transpose(attributes["perm"])


def _cut_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    sizes = list(inputs[0])
    for start, end, axis, step in cuts(attributes):
        length = sizes[axis]
        if not isinstance(length, int):
            raise ValueError("the batch can't be cut")
        sizes[axis] = len(range(length)[start:end:step])
    return tuple(sizes)


def _cut(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    index = [slice(None)] * inputs[0].ndim
    for start, end, axis, step in cuts(attributes):
        index[axis] = slice(start, end, step)
    return inputs[0][tuple(index)]


def cuts(attributes: Attributes) -> list[tuple[int, int | None, int, int]]:
    """(start, end, axis, step) of each axis that a `Slice` cuts; None is the end before the first element."""
    columns = (attributes[name] for name in ("starts", "ends", "axes", "steps"))
    return [
        (start, None if step < 0 and end < 0 else end, axis, step)
        for start, end, axis, step in zip(*columns, strict=True)
    ]


def _gathered_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    sizes = list(inputs[0])
    sizes[attributes["axis"]] = len(attributes["indices"])
    return tuple(sizes)


def _gathered(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    return np.asarray(np.take(inputs[0], attributes["indices"], axis=attributes["axis"]))


def _joined_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    axis = attributes["axis"]
    first, *others = inputs
    if any((*other[:axis], *other[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]) for other in others):
        raise ValueError(f"{' and '.join(map(str, inputs))} joined along axis {axis}")
    sizes = list(first)
    sizes[axis] = sum(shape[axis] for shape in inputs)  # type: ignore[misc]
    return tuple(sizes)


def _joined(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    return np.concatenate(inputs, axis=attributes["axis"])


def _repeated_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    return broadcast(inputs[0], tuple(attributes["shape"]))


def _repeated(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    (x,) = inputs
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, attributes["shape"]))


MOVES = {
    "Concat": Operator(_joined_shape, _joined),
    "Expand": Operator(_repeated_shape, _repeated),
    "Flatten": Operator(_flat_shape, _flattened),
    "Gather": Operator(_gathered_shape, _gathered),
    "Reshape": Operator(_reshape_shape, _reshaped),
    "Slice": Operator(_cut_shape, _cut),
    "Transpose": Operator(_permuted, _transposed),
}
