"""Operators that compute nothing: they order, cut, join and repeat."""

from collections.abc import Sequence

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator, Sizes
from resnet_export.network.sizes import Batch, Shape, Size, broadcast, product


def _reshape_shape(x: Shape, shape: Sizes) -> Shape:
    """0 keeps the axis of the input, and -1 is what remains."""
    sizes: list[Size] = [x[axis] if size == 0 else size for axis, size in enumerate(shape)]
    total = product(x)
    if -1 in sizes:
        rest = product(size for size in sizes if size != -1)
        if isinstance(rest, Batch) and not isinstance(total, Batch):
            raise ValueError(f"{x} can't become {shape}")
        sizes[sizes.index(-1)] = total // rest  # type: ignore[operator]
    if product(sizes) != total:
        raise ValueError(f"{x} can't become {shape}")
    return tuple(sizes)


def _cut_shape(x: Shape, **bounds: Sizes) -> Shape:
    sizes = list(x)
    for axis, cut in cuts(**bounds):
        length = sizes[axis]
        if not isinstance(length, int):
            raise ValueError("the batch can't be cut")
        sizes[axis] = len(range(length)[cut])
    return tuple(sizes)


def _cut(x: Floats, **bounds: Sizes) -> Floats:
    index = [slice(None)] * x.ndim
    for axis, cut in cuts(**bounds):
        index[axis] = cut
    return x[tuple(index)]


def cuts(starts: Sizes, ends: Sizes, axes: Sizes, steps: Sizes) -> list[tuple[int, slice]]:
    """(axis, what is left of it), for each axis that a `Slice` cuts. Backwards, a negative end is before the first."""
    return [
        (axis, slice(start, None if step < 0 and end < 0 else end, step))
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
    ]


def _joined_shape(*inputs: Shape, axis: int) -> Shape:
    first, *others = inputs
    if any((*other[:axis], *other[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]) for other in others):
        raise ValueError(f"{' and '.join(map(str, inputs))} joined along axis {axis}")
    along: Sequence[int] = [shape[axis] for shape in inputs]  # type: ignore[misc]
    return (*first[:axis], sum(along), *first[axis + 1 :])


MOVES = {
    "Concat": Operator(lambda *inputs, axis: np.concatenate(inputs, axis), _joined_shape),
    "Expand": Operator(
        lambda x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, shape)),
        lambda x, shape: broadcast(x, tuple(shape)),
    ),
    "Flatten": Operator(
        lambda x, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
        lambda x, axis: (product(x[:axis]), product(x[axis:])),
    ),
    "Gather": Operator(
        lambda x, axis, indices: np.take(x, indices, axis),
        lambda x, axis, indices: (*x[:axis], len(indices), *x[axis + 1 :]),
    ),
    "Reshape": Operator(
        lambda x, shape: x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]),
        _reshape_shape,
    ),
    "Slice": Operator(_cut, _cut_shape),
    "Transpose": Operator(lambda x, perm: x.transpose(perm), lambda x, perm: tuple(x[axis] for axis in perm)),
}
