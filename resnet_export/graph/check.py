"""Whether a finished file has the canonical graph of its network and interface, node by node."""

from typing import Any

import numpy as np
import onnx_ir as ir

from resnet_export.errors import StructureError
from resnet_export.graph.access import attribute
from resnet_export.graph.interface import Interface
from resnet_export.graph.nodes import NodePlan
from resnet_export.graph.plan import plan_file
from resnet_export.images import Preprocessing
from resnet_export.network import Network
from resnet_export.network.match import cause_of_attribute, cause_of_operator


def check_canonical(model: ir.Model, network: Network, interface: Interface, preprocessing: Preprocessing) -> None:
    """Compares a finished graph with the canonical one of what its metadata say, the network being folded.

    Raises:
        StructureError: names the first node that differs.
    """
    plan = plan_file(network, interface, tuple(value.name or "" for value in model.graph.outputs[1:]), preprocessing)
    order = {wanted.name: position for position, wanted in enumerate(plan.nodes)}
    found = list(model.graph)
    if len(found) == len(order) and order.keys() == {node.name for node in found}:  # other tools sort them anew
        found.sort(key=lambda node: order[node.name or ""])
    for node, wanted in zip(found, plan.nodes, strict=False):
        _check(node, wanted)
    if len(found) != len(plan.nodes):
        last = plan.nodes[-1].name
        raise StructureError(last, f"the file has {len(found)} nodes, the specification {len(plan.nodes)}.")
    for name, array in plan.constants.items():
        tensor = model.graph.initializers[name].const_value if name in model.graph.initializers else None
        if tensor is None or tensor.numpy().tolist() != array.tolist():
            raise StructureError(name.rpartition(".")[0], f"{name} is not {array.tolist()}, as the network has it.")
    opset = model.opset_imports.get("")
    if opset != interface.opset:
        raise StructureError(plan.nodes[0].name, f"the file has opset {opset}, its metadata says {interface.opset}.")


def _check(node: ir.Node, wanted: NodePlan) -> None:
    inputs = tuple((value.name or "") if value is not None else "" for value in node.inputs)
    if (node.op_type, inputs) != (wanted.op, wanted.inputs):
        raise StructureError(
            wanted.name,
            f"the specification has {wanted.op} of {', '.join(wanted.inputs)} here; "
            f"the file has {node.op_type} of {', '.join(inputs)}.",
            cause=None if wanted.step is None else cause_of_operator(wanted.step, {node.op_type}),
        )
    found: dict[str, Any] = {name: attribute(node, name) for name in node.attributes}
    for name in sorted(found.keys() | wanted.attributes.keys()):
        if not _same(found.get(name), wanted.attributes.get(name)):
            raise StructureError(
                wanted.name,
                f"{name} is {found.get(name)} in the graph and {wanted.attributes.get(name)} in the specification.",
                cause=None if wanted.step is None else cause_of_attribute(wanted.step, name),
            )
    if node.name != wanted.name:
        raise StructureError(wanted.name, f"it is called {node.name}, and not as this package calls it.")


def _same(found: Any, wanted: Any) -> bool:
    """Whether two attributes are equal; a floating one has passed through float32 in the file."""
    if isinstance(found, float) and isinstance(wanted, float):
        return bool(np.float32(found) == np.float32(wanted))
    return bool(found == wanted)
