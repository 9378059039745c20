"""What writes into a part of a value, as `x[:, :8] = y` does.

The value and what is written are joined along the axis, and of the two one place each is taken: the last that is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from resnet_export.graph.reading.arithmetic import EVERY_IMAGE
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import moves
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number
from resnet_export.graph.reading.rules.elementwise import as_seen
from resnet_export.graph.reading.rules.joins import concat
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import Shape

WRITES_POINTS = "it writes to points that are no whole slices of an axis"


def _scatter_slices(builder: Builder, value: Input, points: Input, written: Input, reduction: str = "none") -> Value:
    """`ScatterND` of whole slices of the first axis."""
    chosen = number(points).value()
    if reduction != "none" or chosen.ndim != 2 or chosen.shape[1] != 1:
        raise UnreadableError(WRITES_POINTS)
    return _written(builder, value, chosen[:, 0].tolist(), written, 0)


def _scatter_elements(
    builder: Builder, value: Input, points: Input, written: Input, axis: int = 0, reduction: str = "none"
) -> Value:
    """`ScatterElements`, where it writes whole slices of an axis."""
    chosen = np.moveaxis(number(points).value(), axis, 0)
    slices = chosen.reshape(len(chosen), -1)
    if reduction != "none" or (slices != slices[:, :1]).any():
        raise UnreadableError(WRITES_POINTS)
    return _written(builder, value, slices[:, 0].tolist(), written, axis)


def _written(builder: Builder, value: Input, places: Sequence[object], written: Input, axis: int) -> Value:
    """The value with other slices at some places of an axis."""
    perm = next(one.perm for one in (value, written) if isinstance(one, Feature))
    before, after = (_upright(builder, one, perm) for one in (value, written))
    own = perm[axis % len(perm)]
    kept, new = ((*shape[:own], *shape[own + 1 :]) for shape in map(_shape, (before, after)))
    every = [EVERY_IMAGE] if builder.batch is None else list(range(builder.batch))
    alone = isinstance(before, Number) and len(before.value()) == 1 and places == [0]  # the same for each image
    if own == 0 and kept == new and (places == every or alone):
        return replace(feature(after), perm=perm)
    length = _shape(before)[own]
    if own == 0 or not isinstance(length, int) or kept[1:] != new[1:]:
        raise UnreadableError("it writes to some of the images, or to parts of slices")
    taken = list(range(length))
    for at, place in enumerate(places):
        taken[int(place) % length] = length + at  # type: ignore[call-overload]
    if taken == list(range(length, 2 * length)) and isinstance(after, Feature):
        return replace(after, perm=perm)
    joined = concat(builder, before, after, axis=own)
    gathered = moves.gather(builder, joined, Number.constant(np.array(taken)), own)
    return replace(feature(gathered), perm=perm)


def _upright(builder: Builder, value: Input, perm: tuple[int, ...]) -> Feature | Number:
    """The value with its axes in the order of the step's that has them seen as `perm`."""
    if isinstance(value, Feature):
        return replace(as_seen(builder, builder.unpadded(value), perm), perm=tuple(range(len(perm))))
    order = tuple(int(axis) for axis in np.argsort(perm))
    return Number("Transpose", (number(value),), {"perm": order})


def _shape(value: Feature | Number) -> Shape:
    return value.shape if isinstance(value, Feature) else value.value().shape


RULES: dict[str, Single] = {"ScatterElements": _scatter_elements, "ScatterND": _scatter_slices}
