"""How a fault is put into what a converter made, into the network that was read, and into the file that is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from resnet_export.convert import Topology
from resnet_export.graph.access import attribute
from resnet_export.graph.reading import Reading
from resnet_export.network import Network, Step
from resnet_export.network.folding import fold, folded_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.network.evaluation import Numbers

EPS = 1e-2
PADS = (0, 0, 2, 2)
"""Below and to the right by two, instead of one on every side: the shape of the output stays."""


def in_topology(topology: Topology, fault: str) -> Topology:
    """The converter's output with the fault."""
    graph = topology.graph.graph
    nodes = list(graph)
    stem, conv = (node for node in nodes if node.op_type == "Conv" and max(attribute(node, "kernel_shape", (3,))) == 3)
    match fault:
        case "eps":
            _norm_node(nodes, EPS)
        case "pad":
            conv.attributes.pop("auto_pad", None)
            conv.attributes["pads"] = ir.AttrInt64s("pads", PADS)
        case "stride":
            stem.attributes["strides"] = ir.AttrInt64s("strides", (1, 1))
        case "relu":
            _bypassed(_activation_node(nodes))
        case "biases":
            names = {name.replace("/", "."): name for name in topology.parameters}
            one, two = (names.get(f"{layer}.bias", names.get(f"{layer}.beta")) for layer in ("norm", "second"))
            parameters = dict(topology.parameters)
            parameters[one], parameters[two] = parameters[two], parameters[one]
            return replace(topology, parameters=parameters)
        case "twice":
            _doubled(graph, nodes)
    return topology


def is_of(node: ir.Node, layer: str) -> bool:
    return layer in node.metadata_props.get("resnet_export.layers", "").splitlines()


def _norm_node(nodes: list[ir.Node], eps: float) -> None:
    found = next((node for node in nodes if is_of(node, "norm") and node.op_type == "BatchNormalization"), None)
    if found is not None:
        found.attributes["epsilon"] = ir.AttrFloat32("epsilon", eps)
        return
    added = next(node for node in nodes if is_of(node, "norm") and node.op_type == "Add")  # of Keras: variance + eps
    added.replace_input_with(1, ir.Value(name="eps", const_value=ir.tensor(np.float32(eps), name="eps")))
    added.graph.register_initializer(added.inputs[1])


def _activation_node(nodes: list[ir.Node]) -> ir.Node:
    return next(node for node in nodes if is_of(node, "relu") and node.op_type in ("Relu", "Clip"))


def _bypassed(node: ir.Node) -> None:
    ir.convenience.replace_all_uses_with(node.outputs[0], node.inputs[0])


def _doubled(graph: ir.Graph, nodes: list[ir.Node]) -> None:
    of_norm = [node for node in nodes if is_of(node, "norm") and node.op_type in ("BatchNormalization", "Mul", "Add")]
    # Of Keras's, the product and the sum of the feature are the last two.
    chain = of_norm[-1:] if of_norm[-1].op_type == "BatchNormalization" else of_norm[-2:]
    value, last = chain[-1].outputs[0], chain[-1]
    users = [(use.node, use.idx) for use in value.uses()]
    before = {node.outputs[0] for node in nodes if node not in of_norm}
    for node in chain:
        inputs = list(node.inputs)
        feature = next(i for i, v in enumerate(inputs) if v in before or v in [n.outputs[0] for n in chain])
        inputs[feature] = value
        again = ir.node(node.op_type, inputs, dict(node.attributes))
        graph.insert_after(last, again)
        value, last = again.outputs[0], again
    for user, index in users:
        user.replace_input_with(index, value)


def in_reading(reading: Reading, fault: str) -> Reading:
    """What was read, with the fault."""
    network, numbers = in_network(reading.network, reading.numbers, fault)
    return replace(reading, network=network, numbers=numbers)


def in_network(network: Network, numbers: Numbers, fault: str) -> tuple[Network, Numbers]:
    """The network and its numbers with the fault."""
    numbers = dict(numbers)
    norm, second, stem, conv = (network.step[name] for name in ("norm", "second", "stem", "conv"))
    match fault:
        case "eps":
            return changed(network, norm, epsilon=EPS), numbers
        case "pad":
            return changed(network, conv, pads=PADS), numbers
        case "stride":
            return changed(network, stem, strides=(1, 1)), numbers
        case "relu":
            (relu,) = (step for step in network.users["norm"] if step.op in ("Relu", "Mul"))
            if relu.op == "Mul":  # 4 * norm, of the mobile kind
                (relu,) = network.users[relu.name]
            steps = tuple(step for step in network.steps if step is not relu)
            bare = replace(network, steps=steps).renamed({relu.name: relu.inputs[0]})
            return bare, numbers
        case "biases":
            one, two = norm.parameter("bias"), second.parameter("bias")
            numbers[one], numbers[two] = numbers[two], numbers[one]
            return network, numbers
    again = replace(norm, name="again", inputs=(norm.name,))
    numbers |= {again.parameter(role): numbers[norm.parameter(role)] for role in norm.parameters}
    behind = network.renamed({"norm": "again"})
    steps = [replace(step, name="norm") if step.name == "again" else step for step in behind.steps]
    steps.insert([step.name for step in steps].index("norm") + 1, again)
    return replace(network, steps=tuple(steps), outputs=behind.outputs), numbers


def changed(network: Network, step: Step, **attributes: Any) -> Network:
    """The network with other attributes of a step."""
    other = replace(step, attributes={**step.attributes, **attributes})
    return replace(network, steps=tuple(other if one is step else one for one in network.steps))


def in_file(model: ir.Model, trained: Any, fault: str) -> None:
    """A bound graph with the fault, in place; what is folded into a convolution is wrong in its numbers."""
    network, numbers = in_network(trained.network, trained.numbers, fault)
    nodes = {node.name: node for node in model.graph}
    match fault:
        case "pad" | "stride":
            name = "conv" if fault == "pad" else "stem"
            attributes = fold(network).step[name].attributes
            nodes[name].attributes["pads"] = ir.AttrInt64s("pads", attributes["pads"])
            nodes[name].attributes["strides"] = ir.AttrInt64s("strides", attributes["strides"])
        case "relu":
            (gone,) = {step.name for step in trained.network.steps} - {step.name for step in network.steps}
            _bypassed(nodes[gone])
            model.graph.remove(nodes[gone])
        case _:
            for name, array in folded_numbers(fold(network), numbers):
                if name in model.graph.initializers:
                    model.graph.initializers[name].const_value = ir.Tensor(array, name=name)


PLACES: dict[str, Callable[..., Any]] = {"topology": in_topology, "reading": in_reading}
