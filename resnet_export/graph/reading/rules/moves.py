"""What only orders, cuts and repeats."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from resnet_export.graph.reading.arithmetic import slice_bounds
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Rule, feature, given_axes, integers, number, sizes
from resnet_export.graph.reading.values import Feature, Rows, UnreadableError, Value
from resnet_export.network import BATCH, Shape, Size, described, product

FIX_BATCH = "Export the network again with a forward that takes the number of images from its input, or at batch {}."
MOVES_IMAGES = "it moves the images of the batch to another axis"
OPEN_END = 10**9
"""The least number that stands for the end of an axis of any length: tf2onnx's; PyTorch has the largest of 64 bits."""


def reshaped(builder: Builder, x: Feature, shape: Shape) -> Feature:
    """An upright feature in another shape, by as few steps as there can be."""
    if x.shape == shape:
        return x
    if len(shape) == 2 and shape[:1] == x.shape[:1] and product(x.shape[1:]) == shape[1]:
        return builder.add("Flatten", [x], {"axis": 1})
    if shape[:1] == x.shape[:1] == (BATCH,) and all(isinstance(size, int) for size in shape[1:]):
        return builder.add("Reshape", [x], {"shape": (0, *shape[1:])})
    if not builder.mixing or sum(not isinstance(size, int) for size in shape) > 1:
        raise UnreadableError(MOVES_IMAGES)
    return builder.add("Reshape", [x], {"shape": tuple(size if isinstance(size, int) else -1 for size in shape)})


def reshape(
    builder: Builder, value: Input, given: Input = None, *, shape: Shape | None = None, allowzero: int = 0
) -> Value:
    """To lengths that are known, among which 0 keeps a length and -1 is what remains."""
    x = value.of if isinstance(value, Rows) else builder.unpadded(feature(value))
    asked = list(sizes(given) if shape is None else shape)
    if not allowzero:
        seen = value.seen if isinstance(value, Rows) else x.seen
        asked = [seen[axis] if size == 0 else size for axis, size in enumerate(asked)]
    if asked and builder.batch is not None and x.shape[:1] == (BATCH,):
        places = product(x.seen[1:-1]) if len(asked) == 2 else 1
        if asked[0] == builder.batch:  # the number of images that a tracer saw
            asked[0] = BATCH
        elif asked[0] == places * builder.batch:
            asked[0] = places * BATCH
    if -1 in asked:
        rest = product(size for size in asked if size != -1)
        asked[asked.index(-1)] = product(x.seen) // rest  # type: ignore[operator]
    target = tuple(asked)
    if target == x.seen:
        return x
    if product(target) != product(x.seen):
        _refuse_fixed_batch(builder, x, target)
        raise ValueError(f"a reshape of {described(x.seen)} to {described(target)}")
    if not builder.mixing and target[:1] != (BATCH,) and target == (product(x.seen[:-1]), x.seen[-1]):
        return Rows(builder.settled(x))
    return _moved(builder, x, target)


def _refuse_fixed_batch(builder: Builder, x: Feature, target: Shape) -> None:
    """Refuses a shape with a whole number of images, in a graph that says that it takes any number."""
    images = target[0] if target else None
    if builder.batch is None and isinstance(images, int) and product((BATCH, *target[1:])) == product(x.seen):
        raise UnreadableError(
            f"{images} is fixed in the graph as the number of images, by a reshape of {described(x.seen)} to "
            f"{described(target)}, and the graph says that it takes any number",
            hint=FIX_BATCH.format(images),
        )


def _keeps_order(x: Feature) -> bool:
    """Whether the axes that have more than one element are in the step's order."""
    wide = [axis for axis in x.perm if x.shape[axis] != 1]
    return wide == sorted(wide)


def _flatten(builder: Builder, value: Input, axis: int = 1) -> Value:
    x = builder.unpadded(feature(value))
    axis = axis % len(x.shape) if axis < 0 else axis
    return _moved(builder, x, (product(x.seen[:axis]), product(x.seen[axis:])))


def _squeeze(builder: Builder, value: Input, given: Input = None, axes: Sequence[int] | None = None) -> Value:
    x = builder.unpadded(feature(value))
    chosen = given_axes(given, axes)
    gone = [axis for axis, size in enumerate(x.seen) if size == 1] if chosen is None else chosen
    if any(x.seen[axis] != 1 for axis in gone):
        raise ValueError(f"axes {gone} of {x.seen} are not all of length 1")
    return without(builder, x, {x.perm[axis] for axis in gone})


def without(builder: Builder, x: Feature, gone: Collection[int]) -> Feature:
    """The value without some axes of its step, each of length 1."""
    if x.perm[0] == 0 or 0 in gone:
        return _moved(builder, x, tuple(x.shape[axis] for axis in x.perm if axis not in gone))
    # Where the images are not seen first, as in the queries, keys and values of a transformer, they stay first in it.
    kept = [axis for axis in range(len(x.shape)) if axis not in gone]
    upright = replace(x, perm=tuple(range(len(x.perm))))
    made = reshaped(builder, upright, tuple(x.shape[axis] for axis in kept))
    return replace(made, perm=tuple(kept.index(axis) for axis in x.perm if axis not in gone))


def _unsqueeze(builder: Builder, value: Input, given: Input = None, axes: Sequence[int] | None = None) -> Value:
    x = builder.unpadded(feature(value))
    new = given_axes(given, axes) or ()
    rank, rest = len(x.shape) + len(new), iter(x.seen)
    places = {axis % rank for axis in new}
    target = tuple(1 if axis in places else next(rest) for axis in range(rank))
    if x.seen[:1] == (BATCH,) == x.shape[:1] and 0 in places:
        # As in torch.stack(outputs): the images stay the first axis of the step, and the new axes follow.
        upright = replace(x, perm=tuple(range(len(x.perm))))
        made = reshaped(builder, upright, (BATCH, *(1,) * len(places), *x.shape[1:]))
        own = (axis and axis + len(places) for axis in x.perm)
        fresh = iter(range(1, 1 + len(places)))
        return replace(made, perm=tuple(next(fresh if axis in places else own) for axis in range(rank)))
    return _moved(builder, x, target)


def _moved(builder: Builder, x: Feature, shape: Shape) -> Feature:
    """The value in another shape, by as few steps as there can be."""
    if not x.upright and _keeps_order(x):
        x = replace(x, perm=tuple(range(len(x.perm))))
    return reshaped(builder, builder.settled(x), shape)


def transpose(builder: Builder, value: Input, perm: Sequence[int] = ()) -> Value:
    """No step: the same value, seen with its axes in another order."""
    x = feature(value)
    return replace(x, perm=tuple(x.perm[axis] for axis in perm or reversed(range(len(x.shape)))))


def _expand(builder: Builder, value: Input, shape: Input) -> Value:
    x = builder.settled(feature(value))
    target = sizes(shape)
    target = (1,) * (len(x.shape) - len(target)) + target
    if target[0] == builder.batch is not None and x.shape[:1] == (BATCH,):
        target = (BATCH, *target[1:])  # the number of images that a tracer saw
    if len(target) > len(x.shape) or target[0] not in (1, x.shape[0]):
        raise UnreadableError("it repeats the images of the batch")
    wanted = tuple(int(size) if isinstance(size, int) else 1 for size in target)
    if all(size in (1, own) for size, own in zip(wanted, x.shape, strict=True)):
        return x
    made = builder.add("Expand", [x], {"shape": wanted})
    builder.repeated[made.step] = x
    return made


def _slice(builder: Builder, value: Input, *given: Input, **attributes: Sequence[int]) -> Value:
    x = builder.unpadded(feature(value))
    bounds = [None if bound is None else np.array(sizes(bound), object) for bound in given]
    found: list[tuple[int, int, int, int]] = []
    for start, end, axis, step in slice_bounds(bounds, attributes):
        length = x.seen[axis]
        if not isinstance(length, int):
            last: Size = end
            if start == 0 and step == 1 and (last >= OPEN_END if isinstance(last, int) else last == length):
                continue
            raise UnreadableError("it cuts the batch")
        low, high, step = slice(start, None if step < 0 and end < -length else end, step).indices(length)
        if (low, high, step) != (0, length, 1):
            found.append((low, high, x.perm[axis % len(x.shape)], step))
    return cut(builder, x, sorted(found, key=lambda one: one[2])) if found else x


def cut(builder: Builder, x: Feature, cuts: Sequence[tuple[int, int, int, int]]) -> Feature:
    """The value without what stands before and behind (start, end, axis of the step, step) in each of these axes."""
    starts, ends, chosen, steps = zip(*cuts, strict=True)
    return builder.permuted("Slice", x, {"starts": starts, "ends": ends, "axes": chosen, "steps": steps})


def _split(
    builder: Builder,
    value: Input,
    given: Input = None,
    *,
    axis: int = 0,
    split: Sequence[int] | None = None,
    num_outputs: int,
) -> list[Value]:
    x = builder.unpadded(feature(value))
    own = x.perm[axis % len(x.shape)]
    length = x.shape[own]
    if not isinstance(length, int):
        raise UnreadableError("it splits the batch")
    part = -(-length // num_outputs)
    lengths: Sequence[int] = [min(part, length - part * index) for index in range(num_outputs)]
    if split or given is not None:
        lengths = split or integers(given)
    ends = itertools.accumulate(lengths)
    return [cut(builder, x, [(end - size, end, own, 1)]) for size, end in zip(lengths, ends, strict=True)]


def gather(builder: Builder, value: Input, chosen: Input, axis: int = 0) -> Value:
    """Places of an axis, by known indices."""
    x = builder.unpadded(feature(value))
    indices = number(chosen).value().astype(int)
    axis = x.perm[axis % len(x.shape)]
    length = x.shape[axis]
    if not isinstance(length, int):
        raise UnreadableError("it takes from the batch")
    wanted = tuple(int(index) % length for index in indices.ravel())
    gathered = x
    if wanted != tuple(range(length)):
        gathered = builder.permuted("Gather", x, {"axis": axis, "indices": wanted})
    if indices.ndim == 0:
        return without(builder, gathered, (axis,))
    return gathered if indices.ndim == 1 else _spread(builder, gathered, axis, indices.shape)


def _spread(builder: Builder, x: Feature, axis: int, lengths: tuple[int, ...]) -> Feature:
    """The value with one axis of its step as several, as a matrix of indices makes them of one."""
    upright = replace(x, perm=tuple(range(len(x.perm))))
    made = reshaped(builder, upright, (*x.shape[:axis], *lengths, *x.shape[axis + 1 :]))
    more = len(lengths) - 1
    perm = list[int]()
    for own in x.perm:
        perm += range(axis, axis + more + 1) if own == axis else [own + more * (own > axis)]
    return replace(made, perm=tuple(perm))


def _gather_points(builder: Builder, value: Input, chosen: Input, batch_dims: int = 0) -> Value:
    """`GatherND` of known points, as in adaptive pooling: the axes that they point into are made one."""
    x = builder.unpadded(feature(value))
    points = np.array(number(chosen).value(), np.int64)
    count, rank = points.shape[-1], points.ndim - 1
    first = x.perm[0]
    lengths = [size for size in x.shape[first : first + count] if isinstance(size, int)]
    if batch_dims or len(lengths) < count or x.perm[:count] != tuple(range(first, first + count)):
        raise UnreadableError("it takes points of the batch, or of axes that don't follow one another")
    before, after = x.shape[:first], x.shape[first + count :]
    joined = reshaped(builder, replace(x, perm=tuple(range(len(x.perm)))), (*before, product(lengths), *after))
    flat = np.ravel_multi_index(tuple(np.moveaxis(points % lengths, -1, 0)), lengths)
    gathered = builder.add("Gather", [joined], {"axis": first, "indices": tuple(flat.ravel().tolist())})
    spread = reshaped(builder, gathered, (*before, *flat.shape, *after))
    others = (axis if axis < first else axis - count + rank for axis in x.perm[count:])
    return replace(spread, perm=(*range(first, first + rank), *others))


def _depth_to_space(builder: Builder, value: Input, *, blocksize: int, mode: str = "DCR") -> Value:
    x, side = builder.settled(feature(value)), blocksize
    batch, channels, height, width = x.shape
    depth = channels // side**2
    by_column = mode == "DCR"
    cut = (side, side, depth) if by_column else (depth, side, side)
    spread = reshaped(builder, x, (batch, *cut, height, width))
    moved = replace(spread, perm=(0, 3, 4, 1, 5, 2) if by_column else (0, 1, 4, 2, 5, 3))
    return reshaped(builder, builder.settled(moved), (batch, depth, height * side, width * side))


def _space_to_depth(builder: Builder, value: Input, *, blocksize: int, mode: str = "DCR") -> Value:
    x, side = builder.settled(feature(value)), blocksize
    batch, channels, height, width = x.shape
    down, right = height // side, width // side
    spread = reshaped(builder, x, (batch, channels, down, side, right, side))
    moved = replace(spread, perm=(0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return reshaped(builder, builder.settled(moved), (batch, channels * side**2, down, right))


def _tile(builder: Builder, value: Input, repeats: Input) -> Value:
    x = builder.unpadded(feature(value))
    for axis, count in enumerate(integers(repeats)):
        if count != 1:
            builder.refuse_batch(x, [x.perm[axis]])
            x = replace(builder.add("Concat", [x] * count, {"axis": x.perm[axis]}), perm=x.perm)
    return x


RULES: dict[str, Rule] = {
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": gather,
    "GatherND": _gather_points,
    "Reshape": reshape,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": transpose,
    "Unsqueeze": _unsqueeze,
}
