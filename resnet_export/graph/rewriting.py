"""What the passes share: their kind, reading a node's surroundings, and putting another node in its place."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import onnx_ir as ir
from numpy.typing import NDArray

NCHW_TO_NHWC = (0, 2, 3, 1)
NHWC_TO_NCHW = (0, 3, 1, 2)


class NodePass(ir.passes.InPlacePass):
    """A pass that rewrites one node after the other until no node changes any more."""

    @abstractmethod
    def rewrite(self, node: ir.Node) -> bool:
        """Rewrites the node in place, or puts others where its output was used; returns whether it did."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Runs the pass. A node whose output nobody uses is left alone."""
        modified, progress = False, True
        while progress:
            progress = False
            for node in list(model.graph):
                if node.outputs[0].uses() or node.outputs[0].is_graph_output():
                    progress |= self.rewrite(node)
            modified |= progress
        return ir.passes.PassResult(model, modified)


def producer(value: ir.Value | None, op: str) -> ir.Node | None:
    """The node that makes `value`, if its operator is `op`."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op else None


def operands(value: ir.Value | None, op: str) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Both orders of the two inputs of the commutative `op` that makes `value`; nothing if another operator does."""
    node = producer(value, op)
    if node is not None and len(node.inputs) == 2:
        left, right = node.inputs
        if left is not None and right is not None:
            yield left, right
            yield right, left


def constant(value: ir.Value | None) -> NDArray[Any] | None:
    """The number that `value` always is, or None where it depends on the inputs of the graph."""
    if value is None:
        return None
    cast = producer(value, "Cast")
    if cast is not None:
        array = constant(cast.inputs[0])
        return None if array is None else array.astype(ir.DataType(attribute(cast, "to")).numpy())
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def integers(value: ir.Value | None) -> tuple[int, ...] | None:
    """A constant vector of integers as a tuple, or None."""
    array = constant(value)
    return None if array is None or array.dtype.kind not in "iu" else tuple(int(item) for item in array.ravel())


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:
    """An attribute's plain value; a list comes as a tuple."""
    found = node.attributes.get(name)
    if found is None:
        return default
    return tuple(found.value) if isinstance(found.value, Sequence) and not isinstance(found.value, str) else found.value


def substitute(
    node: ir.Node,
    op: str,
    inputs: Sequence[ir.Value | None],
    attributes: dict[str, Any] | None = None,
) -> ir.Node:
    """Puts a new node where the output of `node` was used; `node` is removed once nothing else holds it."""
    replacement = insert(node, op, inputs, attributes)
    old, new = node.outputs[0], replacement.outputs[0]
    new.shape, new.type = old.shape, old.type
    redirect(old, new)
    return replacement


def insert(
    before: ir.Node, op: str, inputs: Sequence[ir.Value | None], attributes: dict[str, Any] | None = None
) -> ir.Node:
    """A new node of the default domain, placed before another one."""
    node = ir.node(op, inputs=list(inputs), attributes=attributes or {})
    assert before.graph is not None, "passes rewrite nodes of a graph"
    before.graph.insert_before(before, node)
    return node


def redirect(old: ir.Value, new: ir.Value) -> None:
    """Lets everything that took `old`, the graph's outputs too, take `new`."""
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
