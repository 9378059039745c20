"""Whether a finished file has the canonical graph of its specification and interface, node by node."""

import onnx_ir as ir

from resnet_export.errors import StructureError
from resnet_export.graph.interface import Interface, NodePlan, activation_nodes, activation_of, preprocessing_nodes
from resnet_export.graph.rewriting import attribute
from resnet_export.graph.walk import canonical_attributes, cause_of_operator, check_attributes, parameterised
from resnet_export.spec import ResNetSpec


def check_canonical(model: ir.Model, spec: ResNetSpec, interface: Interface) -> None:
    """Compares a finished graph with the canonical one of `spec` and `interface`.

    Raises:
        StructureError: names the first node that differs.
    """
    expected = _finished(spec, interface)
    found = list(model.graph)
    for node, wanted in zip(found, expected, strict=False):
        inputs = tuple((value.name or "") if value is not None else "" for value in node.inputs)
        if (node.op_type, inputs) != (wanted.op, wanted.inputs):
            raise StructureError(
                wanted.name,
                f"the specification has {wanted.op} of {', '.join(wanted.inputs)} here; "
                f"the file has {node.op_type} of {', '.join(inputs)}.",
                cause=None if wanted.step is None else cause_of_operator(wanted.step, {node.op_type}),
            )
        if wanted.step is not None:
            check_attributes(node, wanted.step)
        if node.name != wanted.name or {key: attribute(node, key) for key in node.attributes} != wanted.attributes:
            raise StructureError(wanted.name, "its name or its attributes are not as this package writes them.")
    if len(found) != len(expected):
        raise StructureError(expected[-1].name, f"the file has {len(found)} nodes, the specification {len(expected)}.")
    opset = model.opset_imports.get("")
    if opset != interface.opset:
        raise StructureError(expected[0].name, f"the file has opset {opset}, its metadata says {interface.opset}.")


def _finished(spec: ResNetSpec, interface: Interface) -> list[NodePlan]:
    """Every node of a file, in order."""
    before, embedding = preprocessing_nodes(interface), interface.head == "embedding"
    renamed = {"input": before[-1].name if before else "input", "fc": "logits"}
    renamed |= {"flatten": "embedding"} if embedding else {}
    steps = []
    for step in spec.steps[:-1] if embedding else spec.steps:
        inputs = tuple(renamed.get(name, name) for name in step.inputs)
        parameters = (f"{step.name}.weight", f"{step.name}.bias") if parameterised(step) else ()
        steps.append(NodePlan(step.name, step.op, inputs + parameters, canonical_attributes(step), step))
    return [*before, *steps, *activation_nodes(activation_of(interface.head, spec))]
