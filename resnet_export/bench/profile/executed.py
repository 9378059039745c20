"""Which layers of a file each node of the graph computes that ONNX Runtime made of it.

ONNX Runtime fuses nodes, renames them and puts others between them. What stays is one name at least: of the node, of
the value that it gave before it was moved to another layout, or of its output. That names one node of the file; the
rest follow from the edges:

    a node with weights that lost its name belongs to what takes its output, since it was fused with what follows it;
    any other belongs to what gives its latest input, for the same reason, and where nothing does, to what takes it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

MOVED = re.compile(r"(_bn|_mul)?_nchwc$")
"""What the blocked layout puts behind the name of a value: a convolution of its own stands for a batch norm, too."""
UNIQUE = re.compile(r"_token_\d+$")
"""What makes a name the only one."""
LAYOUT = frozenset({"MemcpyFromHost", "MemcpyToHost", "ReorderInput", "ReorderOutput", "Transpose"})
"""Operators that only move numbers about: the value that they give is another node's."""
WEIGHTED = frozenset({"Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger", "QLinearConv"})
"""Operators that multiply with weights: what they are fused with takes their name, for people."""
CONVERSIONS = frozenset({"Cast", "DequantizeLinear", "Identity", "QuantizeLinear"})
"""Operators of the file that are no layers."""


@dataclass(frozen=True)
class Executed:
    """A node of the optimised graph."""

    name: str
    op: str
    outputs: tuple[str, ...] = ()
    """Names of the values that it gives; none where the optimised graph could not be had."""


@dataclass(frozen=True)
class Place:
    """What a node of the optimised graph computes."""

    layer: str
    """The layer that it is called after; its own name where it belongs to none."""
    layers: tuple[str, ...]
    """The nodes of the file that it stands for, in their order; none where it belongs to none."""


def place(file: onnx.GraphProto, executed: Sequence[Executed]) -> tuple[Place, ...]:
    """What each node computes.

    Args:
        file: the graph as it is in the file.
        executed: the nodes in the order in which they run.

    Returns:
        The places in the same order.
    """
    nodes = list(file.node)
    producers = {value: at for at, node in enumerate(nodes) for value in node.output if value}
    times = Counter(node.name for node in nodes)
    by_name = {node.name: at for at, node in enumerate(nodes) if node.name and times[node.name] == 1}
    anchors = [_anchor(node, by_name, producers) for node in executed]
    owners: dict[int, int] = {}
    for order, found in enumerate(anchors):
        if found is not None:
            owners.setdefault(found, order)
    _follow(nodes, producers, owners)
    names = [node.name or next(filter(None, node.output), "") for node in nodes]
    members: dict[int, list[int]] = {}
    for at in sorted(owners):
        members.setdefault(owners[at], []).append(at)
    places = []
    for order, (node, anchor) in enumerate(zip(executed, anchors, strict=True)):
        own = members.get(order, [])
        shown = [at for at in own if nodes[at].op_type not in CONVERSIONS] or own
        main = next((at for at in shown if nodes[at].op_type in WEIGHTED), anchor)
        places.append(Place(node.name or node.op if main is None else names[main], tuple(names[at] for at in shown)))
    return tuple(places)


def _anchor(node: Executed, by_name: Mapping[str, int], producers: Mapping[str, int]) -> int | None:
    """The node of the file that an executed one is named after, or whose value it gives."""
    if node.name in by_name:
        return by_name[node.name]
    plain = UNIQUE.sub("", node.name)
    value = MOVED.sub("", plain)
    if value != plain and value in producers:
        return producers[value]
    if plain in by_name and plain not in LAYOUT:  # ONNX Runtime calls its own ones so
        return by_name[plain]
    if node.op in LAYOUT:
        return None
    return next((producers[value] for value in node.outputs if value in producers), None)


def _follow(nodes: Sequence[onnx.NodeProto], producers: Mapping[str, int], owners: dict[int, int]) -> None:
    """Gives the nodes that no executed one is named after to those that they were fused with."""
    users: dict[int, list[int]] = {}
    for at, node in enumerate(nodes):
        for value in node.input:
            if value in producers:
                users.setdefault(producers[value], []).append(at)

    for at, node in enumerate(nodes):  # a graph's nodes are sorted topologically
        if at in owners or node.op_type in WEIGHTED:
            continue
        sources = [producers[value] for value in node.input if value in producers]
        if all(source in owners or nodes[source].op_type not in WEIGHTED for source in sources):
            found = max((owners[source] for source in sources if source in owners), default=None)
            if found is not None:
                owners[at] = found
    for at in reversed(range(len(nodes))):
        if at not in owners:
            first = min((owners[user] for user in users.get(at, []) if user in owners), default=None)
            if first is not None:
                owners[at] = first
