"""Pass: the graph is walked in lock step with the specification, which names every node and value.

The first node that is not the specification's is named in the error, with the mistake that it is the mark of.
"""

from typing import Any

import onnx_ir as ir

from resnet_export.errors import StructureError
from resnet_export.graph.folding import NORM, FoldedNorm, same_eps
from resnet_export.graph.rewriting import attribute
from resnet_export.spec import ResNetSpec, Step

WINDOW: dict[str, Any] = {"auto_pad": "NOTSET", "dilations": (1, 1), "pads": (0, 0, 0, 0), "strides": (1, 1)}
NEUTRAL: dict[str, dict[str, Any]] = {
    "Conv": {**WINDOW, "group": 1},
    "MaxPool": {**WINDOW, "ceil_mode": 0, "storage_order": 0},
    "Flatten": {"axis": 1},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
}
"""Operator -> its attributes where they are left out."""
REORDERING = frozenset({"Gather", "Slice", "Concat", "Split", "ReverseSequence"})
MOVING = REORDERING | {"Pad", "Transpose", "Reshape", "Identity", "Cast"}
"""Operators that compute nothing."""


class NameAfterSpecification(ir.passes.InPlacePass):
    """Names the nodes and values of the graph after the specification, in its order, with its attributes alone.

    The parameters, inputs until now, become initializers without numbers.
    """

    def __init__(self, spec: ResNetSpec) -> None:
        self._spec = spec

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Runs the pass.

        Raises:
            StructureError: the graph is not that of the specification.
        """
        graph, spec = model.graph, self._spec
        values: dict[str, ir.Value] = {"input": graph.inputs[0]}
        nodes: list[ir.Node] = []
        for step in spec.steps:
            node = _find(step, values)
            _check(node, step, spec)
            values[step.name] = node.outputs[0]
            nodes.append(node)
        surplus = [node for node in graph if node not in nodes]
        last = spec.steps[-1].name
        if surplus or list(graph.outputs) != [values[last]]:
            found = ", ".join(node.op_type for node in surplus[:3]) or "other outputs"
            raise StructureError(last, f"the graph has more than the specification: {found}.")

        graph.inputs[1:] = []
        graph.initializers.clear()
        graph.remove(nodes)
        for node, step in zip(nodes, spec.steps, strict=True):
            _finish(node, step, values)
            for part, value in zip(("weight", "bias"), node.inputs[1:3] if parameterised(step) else (), strict=False):
                assert value is not None, "weights and biases were set just now"
                value.name = f"{step.name}.{part}"
                _forget(value)
                graph.initializers[value.name] = value
        graph.extend(nodes)
        for name, value in values.items():
            value.name = name
            _forget(value)
        return ir.passes.PassResult(model, modified=True)


def parameterised(step: Step) -> bool:
    """Whether a step has a weight and a bias in the canonical graph."""
    return step.op in ("Conv", "Gemm")


def canonical_attributes(step: Step) -> dict[str, Any]:
    """The attributes of a step's node, in the order in which they are written."""
    match step.op:
        case "Conv" | "MaxPool":
            window = {"kernel_shape": (step.kernel,) * 2, "pads": (step.padding,) * 4, "strides": (step.stride,) * 2}
            return {"dilations": (1, 1), "group": 1, **window} if step.op == "Conv" else window
        case "Flatten":
            return {"axis": 1}
        case "Gemm":
            return {"transB": 1}
    return {}


def _find(step: Step, values: dict[str, ir.Value]) -> ir.Node:
    """The node that takes the step's inputs and has its operator; of several convolutions the one with its weight."""
    sources = [values[name] for name in step.inputs]
    users = list(dict.fromkeys(use.node for use in sources[0].uses()))
    candidates = [
        node
        for node in users
        if node.op_type == step.op
        and set(node.inputs[: len(sources)]) == set(sources)
        and node.domain in ("", "ai.onnx")
    ]
    if not candidates:
        found = ", ".join(sorted({node.op_type for node in users})) or "nothing"
        behind = _operators_behind(sources[0])
        # A second batch norm belongs to the layer before the ReLU that should stand here.
        layer = step.inputs[0] if step.op == "Relu" and "BatchNormalization" in behind else step.name
        raise StructureError(
            layer,
            f"the specification has {step.name}, {step.op} of {' and '.join(step.inputs)}, here; "
            f"the graph has {found}.",
            cause=cause_of_operator(step, behind),
        )
    if step.op == "Conv":
        named = [node for node in candidates if _name(node, 1) == f"{step.name}.weight"]
        return (named or candidates)[0]
    return candidates[0]


def _check(node: ir.Node, step: Step, spec: ResNetSpec) -> None:
    """Compares parameters and attributes of a node with the step's."""
    if step.op == "Conv":
        _check_convolution(node, step, spec)
    if step.op == "Gemm" and (_name(node, 1), _name(node, 2)) != (f"{step.name}.weight", f"{step.name}.bias"):
        raise StructureError(step.name, f"its parameters are {_name(node, 1)} and {_name(node, 2)}.")
    check_attributes(node, step)


def check_attributes(node: ir.Node, step: Step) -> None:
    """Compares the attributes of a node with the step's; one that is left out counts as its neutral value.

    Raises:
        StructureError: names the first that differs.
    """
    expected = canonical_attributes(step)
    neutral = NEUTRAL.get(step.op, {})
    for name in sorted(neutral.keys() | expected.keys()):
        found = attribute(node, name, neutral.get(name))
        wanted = expected.get(name, neutral.get(name))
        if name == "kernel_shape" and found is None:
            continue  # optional: the weight's shape says the same
        if found != wanted:
            raise StructureError(
                step.name,
                f"{name} is {found} in the graph and {wanted} in the specification.",
                cause=_cause_of_attribute(step, name, found),
            )


def _check_convolution(node: ir.Node, step: Step, spec: ResNetSpec) -> None:
    if _name(node, 1) != f"{step.name}.weight":
        raise StructureError(step.name, f"its weight is {_name(node, 1)}.", cause="parameters have changed places")
    norm: FoldedNorm | None = node.meta.get(NORM)
    if norm is None:
        what = f"a bias, {_name(node, 2)}, and " if len(node.inputs) > 2 else ""
        raise StructureError(
            step.name, f"it has {what}no batch norm {step.norm} behind it.", cause="the batch norm was left out"
        )
    wanted = tuple(f"{step.norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
    for found, name in zip(norm.parameters, wanted, strict=True):
        if found != name:
            what = "a pair of biases has" if name.endswith(".bias") else "parameters have"
            detail = f"its batch norm takes {found} where {name} belongs."
            raise StructureError(step.name, detail, cause=f"{what} changed places")
    if not same_eps(norm.eps, spec):
        raise StructureError(
            step.name,
            f"the eps of {step.norm} is {norm.eps:.7g} in the graph and {spec.eps:.7g} in the specification.",
            cause=f"batch norm with eps {norm.eps:.3g}",
        )


def _finish(node: ir.Node, step: Step, values: dict[str, ir.Value]) -> None:
    """Gives a node the step's name, inputs in its order, and its attributes; a convolution gets its bias."""
    node.name = step.name
    node.meta.clear()
    parameters = list(node.inputs[len(step.inputs) :])
    if step.op == "Conv":
        # What was the framework's weight is the folded one from here on: another value, with a name of its own.
        parameters = [ir.Value(name=f"{step.name}.{part}") for part in ("weight", "bias")]
    node.resize_inputs(len(step.inputs) + len(parameters))
    for index, value in enumerate([*(values[name] for name in step.inputs), *parameters]):
        node.replace_input_with(index, value)
    node.attributes.clear()
    for name, value in canonical_attributes(step).items():
        node.attributes[name] = ir.convenience.convert_attribute(name, value)


def _forget(value: ir.Value) -> None:
    """Drops what the framework noted about a value: a symbolic batch in a value_info breaks some runtimes."""
    value.shape = value.type = None
    value.metadata_props.clear()
    value.meta.clear()


def _name(node: ir.Node, index: int) -> str | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    return None if value is None else value.name


def _operators_behind(value: ir.Value) -> set[str]:
    """The operators that take `value`, and those behind them as far as they only move numbers about."""
    found: set[str] = set()
    ahead = [use.node for use in value.uses()]
    while ahead:
        node = ahead.pop()
        found.add(node.op_type)
        if node.op_type in MOVING:
            ahead += [use.node for output in node.outputs for use in output.uses()]
    return found


def cause_of_operator(step: Step, found: set[str]) -> str | None:
    """The mistake that puts the operators `found` where `step` should stand."""
    if step.op == "Relu":
        return "a batch norm was applied twice" if "BatchNormalization" in found else "a ReLU is missing"
    if step.name == "conv1" and found & REORDERING:
        return "the channels of the image were put in another order"
    if "Pad" in found:
        return "padding that is not the specification's, such as SAME padding"
    if "BatchNormalization" in found:
        return "a batch norm was applied twice, or where none belongs"
    return None


def _cause_of_attribute(step: Step, name: str, found: Any) -> str | None:
    if name in ("auto_pad", "pads"):
        return f"SAME padding of the {'max pool' if step.op == 'MaxPool' else 'convolution'}"
    if name == "strides" and step.op == "Conv":
        return "the stride stands on another convolution of the block"
    return None
