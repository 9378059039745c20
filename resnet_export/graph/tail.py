"""Pass: whatever averages over height and width and flattens becomes `GlobalAveragePool`, `Flatten` and `Gemm`."""

import onnx_ir as ir

from resnet_export.graph.rewriting import (
    NodePass,
    attribute,
    constant,
    insert,
    integers,
    operands,
    producer,
    substitute,
)


class CanonicalTail(NodePass):
    """Rewrites means, reshapes and matrix products."""

    def rewrite(self, node: ir.Node) -> bool:
        """See `NodePass`."""
        match node.op_type:
            case "ReduceMean":
                return _pool(node)
            case "Reshape" | "Squeeze":
                return _flatten(node)
            case "Add":
                return _gemm_of_sum(node)
            case "Gemm":
                return _upright_gemm(node)
        return False


def _pool(node: ir.Node) -> bool:
    """A mean over the last two of four axes."""
    axes = integers(node.inputs[1]) if len(node.inputs) > 1 else attribute(node, "axes")
    if axes is None or {axis % 4 for axis in axes} != {2, 3}:
        return False
    if attribute(node, "keepdims", 1):
        substitute(node, "GlobalAveragePool", [node.inputs[0]])
    else:
        pooled = insert(node, "GlobalAveragePool", [node.inputs[0]])
        substitute(node, "Flatten", pooled.outputs, {"axis": 1})
    return True


def _flatten(node: ir.Node) -> bool:
    """A reshape or squeeze of pooled features, (N, C, 1, 1), to (N, C)."""
    pooled = producer(node.inputs[0], "GlobalAveragePool")
    if pooled is None:
        return False
    if node.op_type == "Squeeze":
        axes = integers(node.inputs[1]) if len(node.inputs) > 1 else None
        flattens = axes is not None and {axis % 4 for axis in axes} == {2, 3}
    else:
        flattens = _keeps_batch(node.inputs[1])
    if flattens:
        substitute(node, "Flatten", pooled.outputs, {"axis": 1})
    return flattens


def _keeps_batch(shape: ir.Value | None) -> bool:
    """Whether a reshape to `shape` makes (N, C) of (N, C, 1, 1): [0, -1], [-1, C], [0, C] or [size of the batch, C]."""
    known = integers(shape)
    if known is not None:
        return len(known) == 2 and known in ((0, -1), (0, known[1]), (-1, known[1])) and known != (-1, -1)
    concat = producer(shape, "Concat")
    if concat is None or len(concat.inputs) != 2:
        return False
    features = integers(concat.inputs[1])
    return _is_batch(concat.inputs[0]) and features is not None and len(features) == 1


def _is_batch(value: ir.Value | None) -> bool:
    """Whether `value` is the first entry of the image's shape, however it was cut out of it."""
    while value is not None and (node := value.producer()) is not None:
        match node.op_type:
            case "Squeeze" | "Unsqueeze" | "Reshape" | "Cast" | "Identity":
                value = node.inputs[0]
            case "Shape":
                source = node.inputs[0]
                first = attribute(node, "start", 0) == 0 and attribute(node, "end") == 1
                return first and source is not None and source.is_graph_input()
            case "Gather":
                shape = producer(node.inputs[0], "Shape")
                source = shape.inputs[0] if shape is not None else None
                return integers(node.inputs[1]) == (0,) and source is not None and source.is_graph_input()
            case _:
                return False
    return False


def _gemm_of_sum(node: ir.Node) -> bool:
    """MatMul(x, w) + b."""
    for product, bias in operands(node.outputs[0], "Add"):
        matmul = producer(product, "MatMul")
        if matmul is not None and constant(matmul.inputs[0]) is None:
            gemm = substitute(node, "Gemm", [*matmul.inputs, bias])
            _upright_gemm(gemm)
            return True
    return False


def _upright_gemm(node: ir.Node) -> bool:
    """Gemm(x, transpose(w)) = Gemm(x, w, transB=1)."""
    weight = producer(node.inputs[1], "Transpose")
    if weight is None or attribute(weight, "perm", (1, 0)) != (1, 0):
        return False
    node.replace_input_with(1, weight.inputs[0])
    node.attributes["transB"] = ir.AttrInt64("transB", 1 - attribute(node, "transB", 0))
    return True
