"""The nodes of a file, in order: what stands before the network, its steps at one opset, what follows the logits."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import UsageError
from resnet_export.graph.interface import OUTPUTS, Interface, activation_nodes, fixed_constants, preprocessing_nodes
from resnet_export.graph.nodes import NodePlan
from resnet_export.graph.reading.naming import unused
from resnet_export.images import Preprocessing
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.folding import classifier_of
from resnet_export.network.operators import OPERATORS

LEFT_OUT: Mapping[str, Mapping[str, Any]] = {
    "AveragePool": {"ceil_mode": 0, "count_include_pad": 0, "dilations": 1},
    "MaxPool": {"ceil_mode": 0, "dilations": 1},
}
"""Operator -> attributes that are not written where they, or all of their elements, have these values."""
WRITTEN_ORDER = ("dilations", "group", "kernel_shape", "pads", "strides")
"""Attributes of windows in the order in which they are written."""
DILATED_AVERAGE = 19
"""The first opset whose average pooling has dilations."""
AXES_AS_INPUT = {"ReduceSum": 13, "ReduceL2": 18, "ReduceMax": 18, "ReduceMean": 18, "ReduceMin": 18, "ReduceProd": 18}
"""Operator -> the first opset in which its axes are an input."""
AS_INPUTS: Mapping[str, tuple[str, ...]] = {
    "Clip": ("min", "max"),
    "Expand": ("shape",),
    "Gather": ("indices",),
    "Pad": ("pads", "value"),
    "Reshape": ("shape",),
    "Resize": ("roi", "scales"),
    "Slice": ("starts", "ends", "axes", "steps"),
}
"""Operator -> the attributes that ONNX takes as inputs behind the first."""
BEFORE_THE_FIRST = -(2**31)
"""The end of a slice that goes backwards to the first element."""


class Plan(NamedTuple):
    """A finished graph without its weights."""

    nodes: list[NodePlan]
    constants: dict[str, NDArray[Any]]
    """Name -> numbers that are the same whatever the weights are, such as the axes of a reduction."""
    outputs: tuple[str, ...]
    """Names of the values that the file gives."""


def plan_file(network: Network, interface: Interface, outputs: tuple[str, ...], preprocessing: Preprocessing) -> Plan:
    """Plans the file of a folded network; `outputs` are the names of those behind the first.

    Raises:
        UsageError: the head does not fit the network, or the opset lacks one of its operators; or ONNX lacks what would
            be embedded.
    """
    network, first = _cut(network, interface)
    before = preprocessing_nodes(interface, preprocessing)
    activation = interface.activation_of(network.classes)
    after = activation_nodes(activation)
    given, copies = _given(network, "logits" if after else first, outputs)
    others = {step.name: step.name for step in network.steps} | _clear_of(network, {*given.values(), *copies, first})
    values = others | given | {IMAGE: before[-1].output if before else IMAGE}
    constants = fixed_constants(interface, preprocessing, activation)
    nodes = [_node(step, interface.opset, values, constants) for step in network.steps]
    nodes += [
        NodePlan(f"{name}.copy", "Identity", (values[of],), {}, name, network.step[of]) for name, of in copies.items()
    ]
    if after:
        after[-1] = after[-1]._replace(output=first)
    return Plan([*before, *nodes, *after], constants, (first, *outputs[: len(network.outputs) - 1]))


def _given(network: Network, first: str, outputs: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """(step -> the output that its value is, output -> the step of which it is a copy: one that is given already)."""
    values, copies = {network.output: first}, dict[str, str]()
    for step, name in zip(network.outputs[1:], outputs, strict=False):
        if step in values:
            copies[name] = step
        else:
            values[step] = name
    return values, copies


def _clear_of(network: Network, taken: set[str]) -> dict[str, str]:
    """Step -> the name of its value, for those whose own name is that of an output which another step gives."""
    given = set(network.outputs)
    return {
        step.name: unused(step.name, taken | network.step.keys())
        for step in network.steps
        if step.name in taken and step.name not in given
    }


def _cut(network: Network, interface: Interface) -> tuple[Network, str]:
    """(the network as far as the head needs it, the name of its first output)."""
    first = OUTPUTS[interface.head]
    if interface.head != "embedding":
        return network, first
    ends = network.step[network.output].op
    if ends == "Flatten":  # of a network without a classifier
        return network, first
    classifier = classifier_of(network)
    if classifier is None:
        raise UsageError(
            f"The network has no classifier that could be left out: it ends with {ends}.",
            hint="Leave --head embedding out.",
        )
    return network.until(classifier.inputs[0], *network.outputs[1:]), first


def _node(step: Step, opset: int, values: Mapping[str, str], constants: dict[str, NDArray[Any]]) -> NodePlan:
    """The node of a step; `values` are the names in the file of what steps give."""
    dilated = step.op == "AveragePool" and max(step.attributes["dilations"]) > 1
    since = DILATED_AVERAGE if dilated else OPERATORS[step.op].since
    if since is None:
        raise UsageError(
            f"{step.name} is {step.op}: the network is quantised already.",
            hint="Give the float network that it was made of; verify, bench and predict take this file as it is.",
        )
    if since > opset:
        raise UsageError(
            f"{step.name} is {step.op}{' with dilations' if dilated else ''}, which opset {opset} does not have.",
            hint=f"Give --opset {since}.",
        )
    inputs = _inputs(step, values)
    attributes = dict(_written(step))
    for name in AS_INPUTS.get(step.op, ()):
        inputs.append(_constant(step, name, attributes.pop(name), constants))
    if opset >= AXES_AS_INPUT.get(step.op, opset + 1):
        inputs.append(_constant(step, "axes", attributes.pop("axes"), constants))
    if step.op in AXES_AS_INPUT:
        attributes["keepdims"] = 1
    while inputs[-1] == "":
        inputs.pop()
    return NodePlan(step.name, step.op, tuple(inputs), attributes, values[step.name], step)


def _inputs(step: Step, values: Mapping[str, str]) -> list[str]:
    """The names of what a step's node takes, before the operator's own numbers."""
    inputs = [values[name] for name in step.inputs]
    if "left" not in step.parameters:
        return [*inputs, *step.names]
    first = step.op == "Where"  # whose mask stands before the two that it chooses from
    left, *others = step.names
    return [*inputs[:first], left, *inputs[first:], *others]


def _written(step: Step) -> Iterator[tuple[str, Any]]:
    """The attributes of a step's node, in the order in which they are written."""
    if "kernel_shape" in step.attributes:
        neutral = LEFT_OUT.get(step.op, {})
        order = sorted(step.attributes, key=lambda name: (name in WRITTEN_ORDER, name))
        values = ((name, step.attributes[name]) for name in order)
        yield from ((name, value) for name, value in values if set(np.atleast_1d(value)) != {neutral.get(name)})
    else:
        yield from step.attributes.items()


def _constant(step: Step, name: str, value: Any, constants: dict[str, NDArray[Any]]) -> str:
    """The name of an initializer with the operator's own numbers; nothing for an input that is left out."""
    if value is None:
        return ""
    full = step.parameter(name)
    if isinstance(value, float):
        # A zero is written as -0.0: ONNX Runtime merges a Pad of 0.0 into a max pool as if it were minus infinity.
        constants[full] = np.array(value or -0.0 if step.op == "Pad" else value, np.float32)
    else:
        found = np.array(value)
        found = found.astype(np.float32 if found.dtype.kind == "f" else np.int64)
        if name == "ends":
            found = np.where((np.array(step.attributes["steps"]) < 0) & (found < 0), BEFORE_THE_FIRST, found)
        constants[full] = found
    return full
