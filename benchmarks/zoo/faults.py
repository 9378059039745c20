"""One mistake in a file: a convolution's weights are scaled by 1.01, a pad is moved to the other side, a ReLU is gone.

Each is made in the middle one of the nodes in which it can be made. A copy of the tensor is changed, so that nothing
else that takes it changes along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FACTOR = 1.01
WEIGHTED = {"Conv": 1, "FusedConv": 1, "QLinearConv": 4, "ConvInteger": 1}
"""Convolution -> index of what is scaled: its weight; a quantised one's scale."""
PRODUCTS = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1}
"""The same in a network without a convolution."""
POOLS = ("MaxPool", "AveragePool")
ACTIVATIONS = (
    ("Relu",), ("Clip", "LeakyRelu", "PRelu"), ("HardSwish", "Gelu", "Elu", "Tanh"), ("Sigmoid", "HardSigmoid", "Erf"),
)  # fmt: skip
"""What is taken for the ReLU: those of the first tuple of which there are any."""
OTHER_SIDE = {"SAME_UPPER": "SAME_LOWER", "SAME_LOWER": "SAME_UPPER"}
SPATIAL = 2
"""Axes of a picture."""


Found = TypeVar("Found")


class InapplicableError(Exception):
    """The file has no node in which the mistake can be made."""


class Graph:
    """A graph with its constants."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.producers = {name: node for node in graph.node for name in node.output}
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """The number of that name, if it is one."""
        if name in self.initializers:
            return numpy_helper.to_array(self.initializers[name])
        node = self.producers.get(name)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
        return None

    def put(self, node: onnx.NodeProto, at: int, value: NDArray[np.generic]) -> None:
        """Gives a node another number, and nothing else that takes the old one."""
        name = node.input[at]
        tensor = self.initializers.get(name)
        if tensor is not None and sum(list(user.input).count(name) for user in self.users(name)) == 1:
            tensor.CopyFrom(numpy_helper.from_array(value.copy(), name))
            return
        node.input[at] = f"{name}/wrong"
        self.graph.initializer.append(numpy_helper.from_array(value.copy(), node.input[at]))

    def users(self, name: str) -> Iterator[onnx.NodeProto]:
        """What takes it."""
        return (node for node in self.graph.node if name in node.input)


def scaled_weights(graph: Graph) -> str:
    """Multiplies a convolution's weights by 1.01."""
    for table in (WEIGHTED, PRODUCTS):
        found = [
            (node, place)
            for node in graph.graph.node
            if node.op_type in table and (place := _scale(graph, node, table))
        ]
        if found:
            node, (owner, at) = _middle(found)
            value = graph.constant(owner.input[at])
            assert value is not None, "it was found to be one"
            graph.put(owner, at, (value.astype(np.float64) * FACTOR).astype(value.dtype))
            return described(node)
    raise InapplicableError("no convolution with weights")


def _scale(graph: Graph, node: onnx.NodeProto, table: dict[str, int]) -> tuple[onnx.NodeProto, int] | None:
    """(the node that takes a floating number which scales the weights, the index of its input)."""
    if node.op_type.endswith("Integer"):
        return _scale_behind(graph, node)
    owner, at = node, table[node.op_type]
    while (value := graph.constant(owner.input[at])) is None or not np.issubdtype(value.dtype, np.floating):
        source = graph.producers.get(owner.input[at])
        if source is None or value is not None:
            return None
        owner, at = source, 1 if source.op_type == "DequantizeLinear" else 0
        if not len(owner.input):
            return None
    return owner, at


def _scale_behind(graph: Graph, node: onnx.NodeProto) -> tuple[onnx.NodeProto, int] | None:
    """The weights' scale of a product of integers: Cast, then Mul by what the scales of both make."""
    for cast in graph.users(node.output[0]):
        for mul in (user for user in graph.users(cast.output[0]) if user.op_type == "Mul"):
            scales = graph.producers.get(next(name for name in mul.input if name != cast.output[0]))
            if scales is None or scales.op_type != "Mul":
                continue
            for at, name in enumerate(scales.input):
                if graph.constant(name) is not None:
                    return scales, at
    return None


def moved_pad(graph: Graph) -> str:
    """Moves a row of padding from one side to the other, in a convolution where there is one."""
    for kinds in (tuple(WEIGHTED), POOLS, ("Pad",)):
        found = [node for node in graph.graph.node if node.op_type in kinds and _pads(graph, node) is not None]
        if found:
            node = _middle(found)
            _move(graph, node)
            return described(node)
    raise InapplicableError("no padding")


def _pads(graph: Graph, node: onnx.NodeProto) -> list[int] | str | None:
    """What can be moved: pads of its own, or the side of automatic ones."""
    given = {attribute.name: attribute for attribute in node.attribute}
    if "auto_pad" in given and (automatic := given["auto_pad"].s.decode()) in OTHER_SIDE:
        return automatic
    pads = list(given["pads"].ints) if "pads" in given else None
    if pads is None and node.op_type == "Pad" and len(node.input) > 1:
        value = graph.constant(node.input[1])
        pads = None if value is None else value.tolist()
    return pads if pads is not None and _place(pads) is not None else None


def _place(pads: list[int]) -> tuple[int, int] | None:
    """(index of a pad, index of the one at the other side of its axis)."""
    axes = len(pads) // 2
    for axis in range(max(0, axes - SPATIAL), axes):
        for one, other in ((axes + axis, axis), (axis, axes + axis)):
            if pads[one] > 0:
                return one, other
    for axis in range(axes):  # channels last
        if pads[axes + axis] > 0:
            return axes + axis, axis
    return None


def _move(graph: Graph, node: onnx.NodeProto) -> None:
    pads = _pads(graph, node)
    assert pads is not None, "it was found to have some"
    if isinstance(pads, str):
        next(entry for entry in node.attribute if entry.name == "auto_pad").s = OTHER_SIDE[pads].encode()
        return
    place = _place(pads)
    assert place is not None, "one can be moved"
    pads[place[0]] -= 1
    pads[place[1]] += 1
    own = [entry for entry in node.attribute if entry.name == "pads"]
    if own:
        own[0].ints[:] = pads
    else:
        graph.put(node, 1, np.array(pads, np.int64))


def removed_relu(graph: Graph) -> str:
    """Takes a ReLU out, or what stands for it in a network that has none."""
    given = {value.name for value in graph.graph.output}
    for kinds in ACTIVATIONS:
        found = [node for node in graph.graph.node if node.op_type in kinds and node.output[0] not in given]
        if found:
            node = _middle(found)
            for user in list(graph.users(node.output[0])):
                for at, name in enumerate(user.input):
                    if name == node.output[0]:
                        user.input[at] = node.input[0]
            graph.graph.node.remove(node)
            return described(node)
    raise InapplicableError("no activation that is a node")


def described(node: onnx.NodeProto) -> str:
    """`Conv layer1/conv2`."""
    return f"{node.op_type} {node.name or node.output[0]}"


def _middle(found: list[Found]) -> Found:
    return found[len(found) // 2]


FAULTS: dict[str, Callable[[Graph], str]] = {
    "weights x 1.01": scaled_weights,
    "a pad moved": moved_pad,
    "a ReLU removed": removed_relu,
}
"""What is done -> does it, and says to which node."""


def faulty(model: onnx.ModelProto, fault: str) -> tuple[onnx.ModelProto, str]:
    """(a copy with the mistake, the node in which it is).

    Raises:
        InapplicableError: it has no node in which the mistake can be made.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    where = FAULTS[fault](Graph(copy.graph))
    return copy, where
