"""The nodes of two graphs side by side: which belong to each other, and what they have differently."""

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.graph.access import operator_of, producer
from resnet_export.graph.foreign import graph_inputs
from resnet_export.inspect.results import Change

SILENT: dict[str, dict[str, Any]] = {
    "Conv": {"dilations": (1, 1), "pads": (0, 0, 0, 0), "strides": (1, 1)},
    "MaxPool": {"dilations": (1, 1), "pads": (0, 0, 0, 0), "strides": (1, 1)},
}
"""Operator -> what attributes mean where they are left out, as far as onnx's schema doesn't say it."""
LISTS = (ir.AttributeType.INTS, ir.AttributeType.FLOATS, ir.AttributeType.STRINGS)
Pair = tuple[ir.Node | None, ir.Node | None]
"""A node of each graph; None where it has none that belongs to the other's."""


class Constant(NamedTuple):
    """Numbers that a node takes."""

    name: str
    numbers: NDArray[np.generic]


def nodes_of(model: ir.Model) -> list[ir.Node]:
    """The nodes in topological order, without those that only hold a constant.

    The order depends on the graph alone and not on the file: it is the one in which the outputs ask for them.
    """
    order: dict[ir.Node, None] = {}
    ahead: list[tuple[ir.Node, bool]] = [
        (node, False) for value in reversed(model.graph.outputs) if (node := value.producer()) is not None
    ]
    while ahead:
        node, ready = ahead.pop()
        if node in order:
            continue
        if ready:
            order[node] = None
            continue
        ahead.append((node, True))
        sources = [value.producer() for value in node.inputs if value is not None]
        ahead += [(source, False) for source in reversed(sources) if source is not None and source not in order]
    order |= dict.fromkeys(model.graph)  # those that no output asks for
    return [node for node in order if constant(node.outputs[0] if node.outputs else None) is None]


def match(first: ir.Model, second: ir.Model) -> tuple[Literal["name", "position"], list[Pair]]:
    """(how the nodes were matched, those that belong to each other together).

    By name where half of the names of the smaller graph are in the other, else by position and operator.

    Nodes whose name is that of several are matched by position among themselves.
    """
    ours, theirs = nodes_of(first), nodes_of(second)
    mine, its = _named(ours), _named(theirs)
    if 2 * len(mine.keys() & its.keys()) < min(len(ours), len(theirs)):
        return "position", list(_by_position(ours, theirs))
    pairs: list[Pair] = [(node, its.get(name)) for name, node in mine.items()]
    pairs += [(None, node) for name, node in its.items() if name not in mine]
    others = ([node for node in nodes if node.name not in named] for nodes, named in ((ours, mine), (theirs, its)))
    pairs += _by_position(*others)
    order = {node: position for position, node in enumerate(ours)}
    return "name", sorted(pairs, key=lambda pair: order.get(pair[0], len(order)))  # type: ignore[arg-type]


def _by_position(ours: list[ir.Node], theirs: list[ir.Node]) -> Iterator[Pair]:
    """Nodes that stand between the same operators together."""
    matcher = SequenceMatcher(None, [operator_of(node) for node in ours], [operator_of(node) for node in theirs], False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        left, right = ours[start:end], theirs[other_start:other_end]
        if tag == "equal" or len(left) == len(right):
            yield from zip(left, right, strict=True)
        else:
            yield from ((node, None) for node in left)
            yield from ((None, node) for node in right)


def _named(nodes: list[ir.Node]) -> dict[str, ir.Node]:
    """Name -> node, where a name is that of one node alone."""
    counts = Counter(node.name for node in nodes)
    return {node.name: node for node in nodes if node.name and counts[node.name] == 1}


def changes(first: ir.Model, second: ir.Model, pairs: list[Pair]) -> Iterator[Change]:
    """Nodes of one graph only; operators, attributes and inputs that are others in matched nodes."""
    partner: dict[ir.Value, ir.Value] = dict(zip(graph_inputs(first), graph_inputs(second), strict=False))
    for node, other in pairs:
        if node is not None and other is not None:
            partner |= dict(zip(node.outputs, other.outputs, strict=False))
    for node, other in pairs:
        if node is None or other is None:
            found = node or other
            assert found is not None, "a pair has a node"
            said = operator_of(found)
            yield Change(_name(found), "", said if node else None, said if other else None)
            continue
        if operator_of(node) != operator_of(other):
            yield Change(_name(node), "operator", operator_of(node), operator_of(other))
        else:
            yield from _attributes(node, other, first, second)
        yield from _inputs(node, other, partner)
    for index, (mine, its) in enumerate(zip(first.graph.outputs, second.graph.outputs, strict=False)):
        if partner.get(mine) is not its:
            yield Change("graph", f"output {index}", _source(mine), _source(its))


def constants(pairs: list[Pair]) -> Iterator[tuple[Constant | None, Constant | None]]:
    """The numbers that the nodes take, those in the same place together; each once."""
    seen: set[tuple[str | None, str | None]] = set()
    for node, other in pairs:
        taken = [[constant(value) for value in side.inputs] if side is not None else [] for side in (node, other)]
        for one, two in zip_longest(*taken):
            key = (one and one.name, two and two.name)
            if key != (None, None) and key not in seen:
                seen.add(key)
                yield one, two


def constant(value: ir.Value | None) -> Constant | None:
    """The numbers that `value` always is, under the name of the tensor that holds them."""
    while (copy := producer(value, "Identity")) is not None:
        value = copy.inputs[0]
    if value is None:
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else Constant(value.name or "", tensor.numpy())


def _attributes(node: ir.Node, other: ir.Node, first: ir.Model, second: ir.Model) -> Iterator[Change]:
    """Attributes that are others; one that is left out counts as what it then means."""
    mine, its = _meant(node, first), _meant(other, second)
    for name in sorted(mine.keys() | its.keys()):
        if mine.get(name) != its.get(name):
            yield Change(_name(node), name, mine.get(name), its.get(name))


def _meant(node: ir.Node, model: ir.Model) -> dict[str, Any]:
    """Name -> plain value of each attribute, defaults included."""
    found: dict[str, Any] = {}
    try:
        schema = onnx.defs.get_schema(node.op_type, model.opset_imports.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        pass  # an operator that onnx doesn't know
    else:
        for name, described in schema.attributes.items():
            if described.default_value.name:
                found[name] = _plain(ir.serde.deserialize_attribute(described.default_value))
    found |= SILENT.get(node.op_type, {})
    return found | {name: _plain(value) for name, value in node.attributes.items()}


def _plain(found: ir.Attr) -> Any:
    """A value that can be compared and written as JSON: the numbers of a tensor, the text of a graph or type."""
    if found.type == ir.AttributeType.TENSOR:
        return found.value.numpy().tolist()
    plain = found.value if isinstance(found.value, int | float | str) else str(found.value)
    return tuple(found.value) if found.type in LISTS else plain


def _inputs(node: ir.Node, other: ir.Node, partner: dict[ir.Value, ir.Value]) -> Iterator[Change]:
    """Inputs that come from elsewhere; which numbers a constant holds is not the question here."""
    for index, (mine, its) in enumerate(zip_longest(node.inputs, other.inputs)):
        if constant(mine) is not None and constant(its) is not None:
            continue
        if (None if mine is None else partner.get(mine)) is not its or (mine is None) != (its is None):
            yield Change(_name(node), f"input {index}", _source(mine), _source(its))


def _source(value: ir.Value | None) -> str | None:
    """What a value comes from: the name of its node, else its own."""
    if value is None:
        return None
    held, node = constant(value), value.producer()
    if held is not None:
        return held.name
    return value.name if node is None else _name(node)


def _name(node: ir.Node) -> str:
    return node.name or (node.outputs[0].name if node.outputs else None) or node.op_type
