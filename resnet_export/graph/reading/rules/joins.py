"""What joins values."""

from dataclasses import replace

import numpy as np

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, feature, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value


def concat(builder: Builder, *inputs: Input, axis: int) -> Value:
    """Values of the image, joined along an axis other than that of the images."""
    if not all(isinstance(value, Feature) for value in inputs):
        return _beside_numbers(builder, *inputs, axis=axis)
    values = [builder.unpadded(feature(value)) for value in inputs]
    if len({value.perm for value in values}) > 1:
        values = [builder.settled(value) for value in values]
    own = values[0].perm[axis % len(values[0].shape)]
    if own == 0:
        raise UnreadableError("it joins batches")
    return replace(builder.add("Concat", values, {"axis": own}), perm=values[0].perm)


def _beside_numbers(builder: Builder, *inputs: Input, axis: int) -> Value:
    """Values of the image joined with numbers, such as a transformer's class token.

    Zeros are put around the values where the numbers are, and these are added.
    """
    values = [builder.settled(value) if isinstance(value, Feature) else number(value) for value in inputs]
    shape = next(value.shape for value in values if isinstance(value, Feature))
    axis %= len(shape)
    if axis == 0:
        raise UnreadableError("it joins batches")
    parts, padded, waiting = list[Number](), list[Feature](), 0
    for value in values:
        if isinstance(value, Number):
            parts.append(_for_each_image(value))
            waiting += parts[-1].value().shape[axis]
        else:
            parts.append(Number.constant(np.zeros((1, *value.shape[1:]), np.float32)))
            padded.append(_behind_zeros(builder, value, axis, waiting, 0))
            waiting = 0
    padded[-1] = _behind_zeros(builder, padded[-1], axis, 0, waiting)
    joined = padded[0] if len(padded) == 1 else builder.add("Concat", padded, {"axis": axis})
    return made(builder, "Add", joined, Number("Concat", tuple(parts), {"axis": axis}))


def _behind_zeros(builder: Builder, x: Feature, axis: int, before: int, after: int) -> Feature:
    if not before and not after:
        return x
    around = [(before, after) if at == axis else (0, 0) for at in range(len(x.shape))]
    return builder.unpadded(replace(x, pads=tuple(around)))


def _for_each_image(value: Number) -> Number:
    """The number that is joined to each image; a tracer writes it once for each that it saw."""
    rows = value.value()
    if (rows[:1] != rows).any():
        raise UnreadableError("it joins another number to each image of the batch")
    first = (np.array([bound]) for bound in (0, 1, 0))
    return value if len(rows) == 1 else Number("Slice", (value, *map(Number.constant, first)))


RULES = {"Concat": concat}
