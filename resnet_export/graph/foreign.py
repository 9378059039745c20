"""What a file takes and gives, whoever wrote it: the one image, read off input and first convolution; and its head."""

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.errors import ModelError, UsageError, quote_some
from resnet_export.graph.access import attribute, made_of
from resnet_export.graph.interface import ONE, Activation, Layout
from resnet_export.graph.metadata import is_ours
from resnet_export.graph.resizing import RESIZE
from resnet_export.network.sizes import Pixels, height_and_width

CHANNELS = frozenset({1, 3, 4})
"""Numbers of channels that pictures have: grey, colour, colour with alpha."""

MOST_CHANNELS = 10_000
"""More than any sensor gives; a damaged file may claim more than the memory holds numbers for."""

PIXELS = frozenset({"uint8", "int8", "int32", "int64", "float16", "bfloat16", "float32", "float64"})
"""Types that an image comes in."""

CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Operator -> index of its weight, (out, in / group, height, width)."""

SAME_AXES = frozenset(
    {"Add", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "Div", "Identity", "Mul", "Pad", "QuantizeLinear",
     "Relu", "Sub"}
)  # fmt: skip
"""Operators that leave the order of the axes as it is."""

OTHER_AXES = frozenset({"Reshape", "Squeeze", "Unsqueeze"})
"""Operators behind which it is unknown."""

PASSING = ("Cast", "Identity", "QuantizeLinear", "DequantizeLinear")
"""Operators that other tools put behind the last one."""
ACTIVATIONS: dict[str, Activation] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class ImageInput:
    """The input of an image-classification file."""

    name: str
    dtype: str
    """As NumPy calls it: `float32`, `uint8`, ..."""
    layout: Layout
    """Order of the axes."""
    channels: int
    height: int | None
    """Pixels; None where any height is taken."""
    width: int | None
    """Pixels; None where any width is taken."""
    batch: int | None
    """Images a run takes; None for any number."""
    prepares: bool = False
    """Whether it takes pictures of any size, and resizes and crops them itself."""

    def arrange(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images (N, H, W, C) in the type and the order of axes that the file takes; float16 rounds them."""
        given = images.astype(self.dtype)
        return np.ascontiguousarray(given if self.layout == "nhwc" else np.transpose(given, (0, 3, 1, 2)))


class _Convolution(NamedTuple):
    axis: int | None
    """Which axis of the input its channels are; None where that got lost on the way."""
    channels: int


def graph_inputs(model: ir.Model) -> list[ir.Value]:
    """The inputs that a caller gives. Files of IR version 3 list their initializers among them."""
    return [value for value in model.graph.inputs if value.name not in model.graph.initializers]


def image_input(model: ir.Model, path: Path) -> ImageInput:
    """Describes the one image that the graph takes.

    Channels come first where axis 1 is 1, 3 or 4 and axis 3 is not, last in the opposite case. Else the first
    convolution decides that the input reaches; without one they come first.

    Raises:
        ModelError: the graph takes several inputs, or none, or one that is no batch of images.
    """
    found = graph_inputs(model)
    if len(found) != 1:
        names = f" ({quote_some(value.name or '' for value in found)})" if found else ""
        raise ModelError(
            f"{path} takes {len(found) or 'no'} inputs{names}, and one image is expected.",
            hint="Give a file that takes one batch of images.",
        )
    (value,) = found
    kind = None if value.dtype is None else type_name(value.dtype)
    if value.shape is None or len(value.shape) != 4 or kind not in PIXELS:
        shape = "of any shape" if value.shape is None else f"({', '.join(map(str, value.shape))})"
        raise ModelError(
            f"{path} takes no image: its input {value.name!r} is {kind or 'of unknown type'} {shape}, and a batch of "
            "images has four axes.",
            hint="Give a file that takes one batch of images, (batch, channels, height, width) or the like.",
        )
    # Older converters write an open length as -1.
    sizes = tuple(size if isinstance(size, int) and size > 0 else None for size in value.shape)
    convolution = _first_convolution(value)
    layout = _layout(sizes, convolution)
    channels = sizes[1 if layout == "nchw" else 3] or (convolution and convolution.channels)
    if channels is None:
        raise ModelError(
            f"{path} leaves open how many channels its input {value.name!r} has.",
            hint="Export it with a fixed number of channels.",
        )
    if channels > MOST_CHANNELS:
        raise ModelError(
            f"{path} takes images of {channels:,} channels.",
            hint=f"Give a file of images of at most {MOST_CHANNELS:,}.",
        )
    height, width = sizes[2:] if layout == "nchw" else sizes[1:3]
    assert value.name is not None, "an input has a name"
    prepares = is_ours(model) and any(node.name == RESIZE for node in model.graph)
    return ImageInput(value.name, kind, layout, channels, height, width, sizes[0], prepares)


def sized(taken: ImageInput, image_size: Pixels | None, path: Path) -> ImageInput:
    """The input with the size that was asked for.

    Raises:
        UsageError: it takes another one.
    """
    if image_size is None:
        return taken
    if taken.prepares:
        raise UsageError(
            f"{path.name} takes pictures of any size, and crops them itself.", hint="Leave --image-size out."
        )
    height, width = height_and_width(image_size)
    if (taken.height or height, taken.width or width) != (height, width):
        raise UsageError(
            f"{path.name} takes {taken.height} x {taken.width} pixels, and not {height} x {width}.",
            hint="Leave --image-size out: it is for files that leave their size open.",
        )
    return replace(taken, height=height, width=width)


def type_name(dtype: ir.DataType) -> str:
    """A type as NumPy and ml_dtypes call it; as ONNX does where they have none, such as `string`."""
    return dtype.name.lower() if dtype in (ir.DataType.STRING, ir.DataType.UNDEFINED) else dtype.numpy().name


def _layout(sizes: tuple[int | None, ...], convolution: _Convolution | None) -> Layout:
    first, last = sizes[1] in CHANNELS, sizes[3] in CHANNELS
    if first != last:
        return "nchw" if first else "nhwc"
    if convolution is None:
        return "nchw"
    if convolution.axis is not None:
        return "nhwc" if convolution.axis == 3 else "nchw"
    return "nhwc" if sizes[3] == convolution.channels != sizes[1] else "nchw"


def _first_convolution(image: ir.Value) -> _Convolution | None:
    """The nearest convolution of `image`, past whatever only converts, scales or moves it."""
    ahead: deque[tuple[ir.Value, tuple[int, ...] | None]] = deque([(image, (0, 1, 2, 3))])
    seen: set[ir.Value] = set()
    while ahead:
        value, axes = ahead.popleft()
        for node in (use.node for use in value.uses()):
            if node.op_type in CONVOLUTIONS and node.inputs[0] is value:
                weight = node.inputs[CONVOLUTIONS[node.op_type] :][:1]
                shape = _shape(weight[0]) if weight else None
                if shape is not None and len(shape) > 1:
                    return _Convolution(axes[1] if axes else None, shape[1] * attribute(node, "group", 1))
            if node.outputs[0] in seen:
                continue
            seen.add(node.outputs[0])
            if node.op_type in SAME_AXES:
                ahead.append((node.outputs[0], axes))
            elif node.op_type == "Transpose":
                order = attribute(node, "perm", (3, 2, 1, 0))
                moved = tuple(axes[axis] for axis in order) if axes and len(order) == len(axes) else None
                ahead.append((node.outputs[0], moved))
            elif node.op_type in OTHER_AXES:
                ahead.append((node.outputs[0], None))
    return None


def _shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """The shape of a weight, past what converts it."""
    while value is not None:
        node = value.producer()
        tensor = ir.convenience.get_const_tensor(value)
        if tensor is not None:
            return tuple(tensor.shape.numpy())
        if node is None or node.op_type not in SAME_AXES or not node.inputs:
            return static_shape(value)
        value = node.inputs[0]
    return None


def static_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """The shape of a value; None where an axis of it is open."""
    if value is None or value.shape is None or not value.shape.is_static():
        return None
    return tuple(value.shape.numpy())


class ProbabilityHead(NamedTuple):
    """How a file makes probabilities."""

    activation: Activation
    logits: str
    """The name of the value that they are made of."""


def last_node(model: ir.Model) -> ir.Node | None:
    """The node that makes the first output, before what other tools put behind it."""
    given = made_of(model.graph.outputs[0], PASSING)
    return None if given is None else given.producer()


def find_head(model: ir.Model) -> ProbabilityHead | None:
    """What makes probabilities of the logits, where the first output is that."""
    node = last_node(model)
    if node is None:
        return None
    if ONE in model.graph.initializers and node.op_type == "Reciprocal":
        return ProbabilityHead("sigmoid", "logits")  # as this package writes it
    makes = node.op_type in ACTIVATIONS and node.inputs and _is_over_classes(node, model)
    value = node.inputs[0] if makes else None
    return None if value is None or value.name is None else ProbabilityHead(ACTIVATIONS[node.op_type], value.name)


def _is_over_classes(node: ir.Node, model: ir.Model) -> bool:
    """Whether a softmax of a map sums over axis 1 alone; of a vector, it is a head even where it is a wrong one.

    Before opset 13, it sums over all axes from its own on.
    """
    shape, since_13 = model.graph.outputs[0].shape, (model.opset_imports.get("") or 13) >= 13
    if node.op_type != "Softmax" or shape is None or len(shape) <= 2:
        return True
    axis = attribute(node, "axis", -1 if since_13 else 1) % len(shape)
    return axis == 1 and (since_13 or all(size == 1 for size in shape[2:]))
