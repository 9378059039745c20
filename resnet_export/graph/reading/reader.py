"""The pass over a graph: every node is interpreted by the rule of its operator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import InlinePass
from onnx_ir.traversal import RecursiveGraphIterator

from resnet_export.graph.access import DOMAINS, NCHW_TO_NHWC, attribute, layers_of, operator_of
from resnet_export.graph.interface import Layout
from resnet_export.graph.reading.arithmetic import ARITHMETIC, EVERY_IMAGE, CountsImagesError
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.canonical import canonical, simplified
from resnet_export.graph.reading.rules import MICROSOFT, rule_of, shape_of
from resnet_export.graph.reading.rules.reductions import SOFTMAX_OF_AN_AXIS
from resnet_export.graph.reading.rules.rows import of_rows
from resnet_export.graph.reading.values import (
    CONSTANT,
    OF_IMAGE,
    PARAMETER,
    Feature,
    Number,
    Rows,
    UnreadableError,
    Value,
)
from resnet_export.network import BATCH, IMAGE, Network, described

OPSETS = range(7, 27)
"""The versions of ONNX's operators that are read."""
CLASSIFIES = "Give the network that classifies."
WHOLE = frozenset(kind for kind in ir.DataType if kind.name.startswith(("INT", "UINT")))
GIVES_WHOLE = frozenset({"QuantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"})
"""Operators that give whole numbers whatever they take."""
GIVES_REAL = frozenset({"DequantizeLinear", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"})
"""Operators that take whole numbers and give others."""
MOVES = frozenset(
    {"Cast", "Concat", "Expand", "Flatten", "Identity", "Reshape", "ScatterND", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operators that leave numbers as they are."""
HINT = "Export the network without it, or ask for the operator at the project's issues."


class Shown(NamedTuple):
    """Where a step's output can be looked at in the model that was read."""

    step: str
    perm: tuple[int, ...]
    """Which axis of the step's output each axis of it is there."""


@dataclass(frozen=True)
class Reading:
    """What was read off a graph."""

    network: Network
    """In canonical order, under names that don't depend on the framework."""
    numbers: Mapping[str, NDArray[Any]]
    """Name of a parameter of the network -> its numbers: as they were, or in float64 where they were computed."""
    outputs: tuple[str, ...]
    """The names that the graph's outputs have, in the order of the network's; a value that it gives twice has one."""
    shown: Mapping[str, Shown] = field(default_factory=dict)
    """Name of a module or layer of the live model, or of a value of the file -> the step that gives its output."""


def read(
    model: ir.Model,
    image: tuple[int, ...],
    parameters: Mapping[str, NDArray[Any]] | None = None,
    *,
    layout: Layout = "nchw",
    batch: int | None = None,
    mixing: bool = False,
) -> Reading:
    """Reads the network off a graph.

    Args:
        model: its first input is the image; further inputs are parameters. Functions are inlined in place.
        image: (channels, height, width), or as many axes as the graph's input has.
        parameters: name of an input -> its numbers; None for a file, whose initializers are its parameters.
        layout: the order of the image's axes.
        batch: the number of images that a file is fixed to.
        mixing: whether the images of a batch may depend on one another, and outputs have any shape. Such a network can
            be evaluated, and not be written.

    Raises:
        UnreadableError: it has an operator that is not read; names the node.
    """
    opset = model.opset_imports.get("", 18)
    if opset not in OPSETS:
        raise UnreadableError(
            f"It is written in opset {opset}, and this package supports {OPSETS[0]} to {OPSETS[-1]}.",
            hint=f"Export it again at an opset from {OPSETS[0]} to {OPSETS[-1]}.",
            at_any_size=True,
        )
    if model.functions:
        InlinePass()(model)
    builder = Builder(image, opset, batch, mixing=mixing)
    reader = _Reader(model.graph, builder, parameters, layout)
    try:
        reader.run()
        outputs = list(reader.outputs())
    except UnreadableError as error:
        error.partial, *_ = simplified(Network(builder.image, tuple(builder.steps.values()), ()), builder.expressions)
        raise
    network = builder.network([step for _, step in outputs])
    network, numbers, names = canonical(network, {name: builder.expressions[name] for name in network.parameters})
    shown = {place: Shown(names[step], perm) for place, (step, perm) in reader.shown.items() if step in names}
    return Reading(network, numbers, tuple(name for name, _ in outputs), shown)


class _Reader:
    def __init__(
        self, graph: ir.Graph, builder: Builder, parameters: Mapping[str, NDArray[Any]] | None, layout: Layout
    ) -> None:
        self._graph, self._builder = graph, builder
        self.shown: dict[str, Shown] = {}
        self._of_file = parameters is None
        self._values: dict[ir.Value, Value] = {}
        self._whole: set[ir.Value] = set()
        taken, *others = (value for value in graph.inputs if value.name not in graph.initializers)
        source = builder.source
        if taken.dtype in WHOLE:
            self._whole.add(taken)
        self._values[taken] = source if layout == "nchw" else replace(source, perm=NCHW_TO_NHWC)
        for value in others:
            name = value.name or ""
            if parameters is None or name not in parameters:
                raise UnreadableError(f"The graph takes {name} beside its image.", hint="Give a graph of one image.")
            self._values[value] = Number(PARAMETER, name=name, array=parameters[name])

    def run(self) -> None:
        """Interprets every node that an output needs."""
        self._run(self._graph)

    def _run(self, graph: ir.Graph) -> None:
        for value in graph.initializers.values():
            if value.const_value is not None:
                array = _widened(value.const_value.numpy())
                # A file's numbers are all initializers; what a converter leaves among them are constants of the code.
                owned = self._of_file and array.dtype.kind == "f" and array.size > 1
                self._values[value] = Number(PARAMETER if owned else CONSTANT, name=value.name or "", array=array)
        needed = _needed(graph)
        for node in graph:
            if node not in needed:
                continue
            whole = self._is_whole(node)
            for value, result in zip(node.outputs, self._interpreted(node), strict=False):
                self._values[value] = result
                if whole:
                    self._whole.add(value)
                if isinstance(result, Feature) and result.pads is None:
                    # Where it can be looked at in the source: a module's output is what its last node makes.
                    places = [value.name or ""] if self._of_file and graph is self._graph else layers_of(node)
                    for place in places:
                        self.shown.pop(place, None)
                        self.shown[place] = Shown(result.step, result.perm)

    def _is_whole(self, node: ir.Node) -> bool:
        """Whether a node gives whole numbers of the image: steps have no type of their own."""
        if node.op_type == "Cast":
            return attribute(node, "to") in WHOLE
        first = next(
            (value for value in node.inputs if value is not None and isinstance(self._values.get(value), OF_IMAGE)),
            None,
        )
        return node.op_type in GIVES_WHOLE or (first in self._whole and node.op_type not in GIVES_REAL)

    def outputs(self) -> Iterator[tuple[str, str]]:
        """(name of an output, the step that gives it), for each output that is made of the image.

        Raises:
            UnreadableError: none is, or one has no place for each image.
        """
        found = [(value.name or "", self._values.get(value)) for value in self._graph.outputs]
        steps = [(name, self._settled(name, value)) for name, value in found if isinstance(value, OF_IMAGE)]
        made = [(name, step) for name, step in steps if step != IMAGE]
        if steps and not made:
            raise UnreadableError("No layer stands between the image and the outputs.", hint=CLASSIFIES)
        if not made:
            raise UnreadableError(
                "No output depends on the image: whatever it shows, the file gives the same.", hint=CLASSIFIES
            )
        yield from made

    def _settled(self, name: str, value: Feature | Rows) -> str:
        settled = value.of if isinstance(value, Rows) else self._builder.settled(value)
        if value.seen[:1] != (BATCH,) and not self._builder.mixing:
            shape = described(value.seen)
            raise UnreadableError(
                f"The output {name} has the shape {shape}: its first axis is not that of the images.", hint=CLASSIFIES
            )
        return settled.step

    def _interpreted(self, node: ir.Node) -> Sequence[Value]:
        attributes = {name: attribute(node, name) for name in node.attributes}
        inputs = [None if value is None else self._value(value, node) for value in node.inputs]
        try:
            result = self._result(node, inputs, attributes)
        except UnreadableError as error:
            if error.message.startswith("Node "):
                raise
            counts = any(map(_counts_images, inputs))
            raise _refusal(node, error.message, error.hint, at_any_size=error.at_any_size or counts) from error
        except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, CountsImagesError) or any(map(_counts_images, inputs)):
                raise _refusal(node, str(CountsImagesError()), at_any_size=True) from error
            raise _refusal(node, str(error)) from error
        return result if isinstance(result, list) else [result]

    def _value(self, value: ir.Value, node: ir.Node) -> Value:
        if value not in self._values:
            raise _refusal(node, f"its input {value.name} is made by no node before it")
        return self._values[value]

    def _result(self, node: ir.Node, inputs: list[Value | None], attributes: dict[str, Any]) -> Value | list[Value]:
        if node.op_type == "Constant" and node.domain in DOMAINS:
            tensor = ir.convenience.get_const_tensor(node.outputs[0])
            if tensor is None:
                raise UnreadableError("a constant of this kind is not read")
            return Number.constant(_widened(tensor.numpy()))
        if node.op_type == "If" and node.domain in DOMAINS:
            return self._branch(inputs[0], node)
        if node.op_type == "Shape" and inputs[0] is not None:
            return Number.constant(shape_of(inputs[0], attributes))
        if not any(isinstance(value, OF_IMAGE) for value in inputs):
            return _arithmetic(node, inputs, attributes, self._builder.opset)
        if node.op_type == "Split":
            attributes.setdefault("num_outputs", len(node.outputs))
        if node.op_type == "Div" and self._is_whole(node):
            raise UnreadableError("it divides whole numbers")
        rule = rule_of(node.op_type, node.domain)
        if rule is None:
            raise UnreadableError("this operator is not read", at_any_size=True)
        if any(isinstance(value, Rows) for value in inputs):
            return of_rows(self._builder, node.op_type, rule, inputs, attributes)
        return rule(self._builder, *inputs, **attributes)

    def _branch(self, condition: Value | None, node: ir.Node) -> list[Value]:
        """The outputs of that branch which the condition takes, as exporters write what depends on a shape."""
        if not isinstance(condition, Number) or not condition.is_constant:
            raise UnreadableError("its condition depends on the image or on parameters")
        graph = node.attributes["then_branch" if condition.value().item() else "else_branch"].as_graph()
        self._run(graph)
        return [self._value(value, node) for value in graph.outputs]


def _needed(graph: ir.Graph) -> set[ir.Node]:
    """The nodes that an output is made of, those that branches take values of among them: converters leave others."""
    found = set[ir.Node]()
    left = [value.producer() for value in graph.outputs]
    while left:
        node = left.pop()
        if node is not None and node not in found:
            found.add(node)
            branches = (one.value for one in node.attributes.values() if one.type == ir.AttributeType.GRAPH)
            inside = (inner for branch in branches for inner in RecursiveGraphIterator(branch))
            makers = [value.producer() for one in (node, *inside) for value in one.inputs if value is not None]
            left += [one for one in makers if one is not None and one.graph is graph]
    return found


def _arithmetic(node: ir.Node, inputs: Sequence[Value | None], attributes: dict[str, Any], opset: int) -> Number:
    """A node of numbers alone; what depends on no parameter is computed at once."""
    if node.op_type in ("LogSoftmax", "Softmax") and opset < SOFTMAX_OF_AN_AXIS:
        raise UnreadableError(f"in opset {opset}, it is not read where it takes numbers alone")
    operands = tuple(value for value in inputs if isinstance(value, Number))
    if None in inputs[: len(operands)]:
        raise UnreadableError("it leaves out an input before others")
    if node.op_type not in MOVES and any(map(_counts_images, operands)):
        raise CountsImagesError
    if node.op_type not in ARITHMETIC or node.domain not in (*DOMAINS, MICROSOFT):
        raise UnreadableError("this operator is not read where it takes numbers alone")
    number = Number(node.op_type, operands, attributes)
    return Number.constant(number.value()) if number.is_constant else number


def _counts_images(value: Value | None) -> bool:
    """Whether a number holds the places of the images: it is moved at most, since nothing is known of its values."""
    array = value.value() if isinstance(value, Number) and value.is_constant else None
    return array is not None and array.dtype == object and EVERY_IMAGE in array.ravel().tolist()


def _refusal(node: ir.Node, reason: str, hint: str | None = None, *, at_any_size: bool = False) -> UnreadableError:
    """The error with the place of a node: its own name, and the module where the converter noted it."""
    layer = next(reversed(layers_of(node)), None)
    where = f"{operator_of(node)} {layer or node.name or node.outputs[0].name}"
    return UnreadableError(f"Node {where}: {reason}.", hint=hint or HINT, at_any_size=at_any_size)


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Half precision as float32, which is exact; everything else as it is."""
    half = array.dtype == np.float16 or array.dtype.name == "bfloat16"
    return array.astype(np.float32) if half else array
