"""What every graph has to be, whoever wrote it: its texts, nodes and numbers, checked when a file is read."""

import onnx
import onnx_ir as ir

from resnet_export.terminal import number


def check_texts(proto: onnx.ModelProto) -> None:
    """Protobuf gives bytes in place of a text that is no UTF-8.

    Raises:
        ValueError: there is one outside of the nodes, whose names are checked later.
    """
    props = [text for entry in proto.metadata_props for text in (entry.key, entry.value)]
    for text in (proto.producer_name, proto.producer_version, proto.domain, proto.graph.name, *props):
        if not isinstance(text, str):
            raise ValueError("one of its texts is no UTF-8")


def check_nodes(model: ir.Model) -> None:
    """Checks that each node takes what is made somewhere, and as much as its operator asks for.

    Raises:
        ValueError: one doesn't, or an output is made by nothing, or there is none.
    """
    if not model.graph.outputs:
        raise ValueError("it gives no output")
    given = {*model.graph.inputs, *model.graph.initializers.values()}
    for node in model.graph:
        if not isinstance(node.op_type, str) or not isinstance(node.domain, str):
            raise ValueError("the name of an operator is no text")
        named = node.name or next((value.name for value in node.outputs), "") or "without a name"
        for value in node.inputs:
            if value is not None and value.producer() is None and value not in given:
                raise ValueError(f"the {node.op_type} {named} takes {value.name!r}, which nothing makes")
        least, most = _arity(node, model.opset_imports.get(node.domain))
        empty = next((given.name for given in node.attributes.values() if given.value is None), None)
        if empty is not None:
            raise ValueError(f"the attribute {empty!r} of the {node.op_type} {named} has no value, or none of its type")
        if not least <= len(node.inputs) <= most or not node.outputs:
            raise ValueError(f"the {node.op_type} {named} has {number(len(node.inputs), 'input')}")
    for value in model.graph.outputs:
        if value.producer() is None and value not in given:
            raise ValueError(f"its output {value.name!r} is made by nothing")


def _arity(node: ir.Node, version: int | None) -> tuple[int, int]:
    """(the least, the largest number of inputs) of an operator; any number of one that onnx doesn't know."""
    try:
        schema = onnx.defs.get_schema(node.op_type, version or 1, node.domain)
    except (onnx.defs.SchemaError, TypeError):
        return 0, 2**31
    return schema.min_input, schema.max_input


def sort(model: ir.Model) -> None:
    """Puts the nodes in an order in which each can be run, which other tools don't always write.

    Raises:
        ValueError: there is no such order.
    """
    try:
        model.graph.sort()
    except ValueError as error:
        raise ValueError("some of its nodes wait for each other in a circle") from error


def check_tensors(model: ir.Model) -> None:
    """Checks that the numbers in the file are as many as their shapes say.

    Raises:
        ValueError: some are not, or have a type that there is none of.
    """
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is not None and not isinstance(tensor, ir.ExternalTensor):
            try:
                fits = tensor.numpy().shape == tuple(tensor.shape.numpy())
            except (TypeError, ValueError, AssertionError) as error:  # onnx-ir asserts that the type fits the field
                raise ValueError(f"the numbers of {name} don't fit their shape or type") from error
            if not fits:
                raise ValueError(f"the numbers of {name} don't fit their shape")
