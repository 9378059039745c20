"""Pass: transposes sink towards the output, past everything that commutes with them, until they meet and cancel.

op(T(x), T(y))  = T(op(x, y))                              element-wise op
pad(T(x), p)    = T(pad(x, p in the order of x's axes))
mean(T(x), a)   = mean(x, a in the order of x's axes)
T2(T1(x))       = (T2 T1)(x), and nothing when the two are each other's inverse
"""

import onnx_ir as ir

from resnet_export.graph.rewriting import NodePass, attribute, insert, integers, producer, redirect, substitute

Permutation = tuple[int, ...]


class SinkTransposes(NodePass):
    """Moves every transpose as far down as it goes."""

    def rewrite(self, node: ir.Node) -> bool:
        """Moves one transpose past `node`, or cancels it in `node`."""
        match node.op_type:
            case "Transpose":
                return _merge(node)
            case "Relu" | "Add":
                return _sink(node)
            case "Pad" if len(node.inputs) == 2:
                return _sink_pad(node)
            case "ReduceMean":
                return _absorb_mean(node)
        return False


def _transposed(value: ir.Value | None) -> tuple[ir.Value, Permutation] | None:
    """(x, permutation) where `value` is the transpose of x."""
    node = producer(value, "Transpose")
    return None if node is None or node.inputs[0] is None else (node.inputs[0], attribute(node, "perm"))


def _merge(node: ir.Node) -> bool:
    """Two transposes become one, or none."""
    below = _transposed(node.inputs[0])
    outer: Permutation = attribute(node, "perm")
    if outer == tuple(range(len(outer))) and node.inputs[0] is not None:
        redirect(node.outputs[0], node.inputs[0])
        return True
    if below is None:
        return False
    x, inner = below
    substitute(node, "Transpose", [x], {"perm": tuple(inner[axis] for axis in outer)})
    return True


def _sink(node: ir.Node) -> bool:
    """An element-wise node of inputs that are all transposed alike becomes the transpose of the node."""
    found = [_transposed(value) for value in node.inputs]
    if any(item is None for item in found) or len({item[1] for item in found if item}) != 1:
        return False
    moved = insert(node, node.op_type, [item[0] for item in found if item])
    substitute(node, "Transpose", moved.outputs, {"perm": found[0][1] if found[0] else ()})
    return True


def _sink_pad(node: ir.Node) -> bool:
    """A pad of a transposed value becomes the transpose of a pad of the value."""
    found = _transposed(node.inputs[0])
    pads = integers(node.inputs[1])
    if found is None or pads is None:
        return False
    x, permutation = found
    rank = len(permutation)
    moved_pads = [0] * (2 * rank)
    for axis, source in enumerate(permutation):
        moved_pads[source], moved_pads[source + rank] = pads[axis], pads[axis + rank]
    amounts = insert(node, "Constant", [], {"value_ints": moved_pads}).outputs[0]
    moved = insert(node, "Pad", [x, amounts], {"mode": attribute(node, "mode", "constant")})
    substitute(node, "Transpose", moved.outputs, {"perm": permutation})
    return True


def _absorb_mean(node: ir.Node) -> bool:
    """A mean of a transposed value, without kept axes, is a mean of the value over the permuted axes."""
    found = _transposed(node.inputs[0])
    axes = integers(node.inputs[1]) if len(node.inputs) > 1 else None
    if found is None or axes is None or attribute(node, "keepdims", 1):
        return False
    x, permutation = found
    moved = sorted(permutation[axis] for axis in axes)
    kept = [axis for axis in permutation if axis not in moved]
    if kept != sorted(kept):
        return False
    axes_value = insert(node, "Constant", [], {"value_ints": moved}).outputs[0]
    substitute(node, "ReduceMean", [x, axes_value], {"keepdims": 0})
    return True
