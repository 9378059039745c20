"""What a file takes and gives: layout, batch, size, head and embedded preprocessing, put around the canonical graph."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.data import Plain
from resnet_export.errors import UsageError
from resnet_export.graph.rewriting import NHWC_TO_NCHW, redirect
from resnet_export.images import Preprocessing
from resnet_export.spec import ResNetSpec, Step

Layout = Literal["nchw", "nhwc"]
Head = Literal["logits", "probabilities", "sigmoid", "embedding"]
Activation = Literal["softmax", "sigmoid"]
Embedded = Literal["none", "uint8"]

LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc")
HEADS: tuple[Head, ...] = ("logits", "probabilities", "sigmoid", "embedding")
OUTPUTS: dict[Head, str] = {**{head: head for head in HEADS}, "sigmoid": "probabilities"}
"""Head -> name of the output."""
EMBEDDED: tuple[Embedded, ...] = ("none", "uint8")
SCALE, SHIFT = "preprocess.scale.factor", "preprocess.shift.summand"
"""Names of the embedded preprocessing's constants."""
ONE = "sigmoid.one"
"""Name of the sigmoid's constant."""

OPSETS = range(13, 27)
"""The meaning of the canonical graph's operators does not change between these."""


class NodePlan(NamedTuple):
    """A node of a finished file."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]
    step: Step | None = None
    """None for a node that stands around the network: preprocessing, and what follows the logits."""


@dataclass(frozen=True)
class Interface(Plain):
    """How the file is called.

    Raises:
        UsageError: a value is outside its range.
    """

    layout: Layout = "nchw"
    """Order of the input's axes."""
    batch: int | None = None
    """Images a run takes; None for any number."""
    dynamic_size: bool = False
    """Whether height and width are left open."""
    head: Head = "logits"
    """Logits; their softmax, which is the sigmoid of a single one; the sigmoid of each; or the pooled features before
    the classifier."""
    preprocess: Embedded = "none"
    """`uint8`: the file takes raw pixels 0..255 and normalises them itself."""
    opset: int = 17
    """Version of the ONNX operators."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("layout", self.layout, LAYOUTS),
            ("head", self.head, HEADS),
            ("preprocess", self.preprocess, EMBEDDED),
            ("opset", self.opset, OPSETS),
        ):
            if value not in known:
                choices = f"{OPSETS[0]} to {OPSETS[-1]}" if name == "opset" else ", ".join(map(str, known))
                raise UsageError(f"{name} is {value!r}.", hint=f"Choose one of {choices}.")
        if self.batch is not None and self.batch < 1:
            raise UsageError(f"batch is {self.batch}.", hint="Give a whole number from 1, or leave it dynamic.")


def apply_interface(model: ir.Model, spec: ResNetSpec, interface: Interface, preprocessing: Preprocessing) -> None:
    """Puts input and output as `interface` says around the canonical graph, in place."""
    _set_head(model.graph, interface.head, activation_of(interface.head, spec))
    _set_input(model.graph, spec, interface, preprocessing)
    outputs = spec.features if interface.head == "embedding" else spec.num_classes
    output = model.graph.outputs[0]
    output.type = ir.TensorType(ir.DataType.FLOAT)
    output.shape = ir.Shape([_batch(interface), outputs])
    model.graph.name = f"resnet{spec.depth}"
    model.opset_imports.clear()
    model.opset_imports[""] = interface.opset
    # The lowest that allows the opset: the most runtimes read it.
    model.ir_version = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", interface.opset)])


def preprocessing_nodes(interface: Interface) -> list[NodePlan]:
    """The nodes before the first convolution, in order."""
    raw, channels_last = interface.preprocess == "uint8", interface.layout == "nhwc"
    nodes = [
        (raw, NodePlan("preprocess.cast", "Cast", (), {"to": int(ir.DataType.FLOAT)})),
        (channels_last, NodePlan("preprocess.transpose", "Transpose", (), {"perm": NHWC_TO_NCHW})),
        (raw, NodePlan("preprocess.scale", "Mul", (SCALE,), {})),
        (raw, NodePlan("preprocess.shift", "Add", (SHIFT,), {})),
    ]
    return _in_sequence("input", [plan for wanted, plan in nodes if wanted])


def activation_of(head: Head, spec: ResNetSpec) -> Activation | None:
    """What makes the output of the logits; None where it is these. The softmax of one logit is always 1."""
    if head == "probabilities":
        return "sigmoid" if spec.num_classes == 1 else "softmax"
    return "sigmoid" if head == "sigmoid" else None


def activation_nodes(activation: Activation | None) -> list[NodePlan]:
    """The nodes behind the classifier, in order.

    A sigmoid is written out, 1 / (1 + exp(-x)): ONNX Runtime's own `Sigmoid` is a rational function that is off by 2 %
    where a probability is 1e-6, and never gives less than 1e-8.
    """
    nodes: list[NodePlan] = []
    if activation == "softmax":
        nodes = [NodePlan("softmax", "Softmax", (), {"axis": 1})]
    elif activation == "sigmoid":
        nodes = [
            NodePlan("sigmoid.neg", "Neg", (), {}),
            NodePlan("sigmoid.exp", "Exp", (), {}),
            NodePlan("sigmoid.add", "Add", (ONE,), {}),
            NodePlan("sigmoid", "Reciprocal", (), {}),
        ]
    return _in_sequence("logits", nodes)


def _in_sequence(source: str, nodes: list[NodePlan]) -> list[NodePlan]:
    """The nodes, each with the one before it as its first input."""
    sources = [source, *(node.name for node in nodes)]
    return [node._replace(inputs=(before, *node.inputs)) for before, node in zip(sources, nodes, strict=False)]


def _set_head(graph: ir.Graph, head: Head, activation: Activation | None) -> None:
    """Puts the activation behind the classifier, or takes the classifier away, and names the output."""
    classifier = graph[-1]
    if head == "embedding":
        features = classifier.inputs[0]
        assert features is not None, "the classifier takes the features"
        graph.outputs[:] = [features]
        for parameter in classifier.inputs[1:]:
            if parameter is not None and parameter.name is not None:
                graph.initializers.pop(parameter.name)
        graph.remove(classifier, safe=True)
    elif activation is not None:
        if activation == "sigmoid":
            _constant(graph, ONE, np.ones(1))
        classifier.outputs[0].name = "logits"
        nodes = _chain(graph, activation_nodes(activation), classifier.outputs[0])
        graph.extend(nodes)
        graph.outputs[:] = nodes[-1].outputs
    graph.outputs[0].name = OUTPUTS[head]


def _chain(graph: ir.Graph, plans: list[NodePlan], source: ir.Value) -> list[ir.Node]:
    """Nodes that follow each other; the output of each has its name."""
    nodes: list[ir.Node] = []
    for plan in plans:
        inputs = [source, *(graph.initializers[name] for name in plan.inputs[1:])]
        nodes.append(ir.node(plan.op, inputs, plan.attributes, name=plan.name))
        source = nodes[-1].outputs[0]
        source.name = plan.name
    return nodes


def _set_input(graph: ir.Graph, spec: ResNetSpec, interface: Interface, preprocessing: Preprocessing) -> None:
    """Cast, transpose, scale and shift before the first convolution, as far as they are asked for."""
    size: tuple[int | str, int | str] = (spec.image_size, spec.image_size)
    if interface.dynamic_size:
        size = ("height", "width")
    axes = (spec.in_channels, *size) if interface.layout == "nchw" else (*size, spec.in_channels)
    raw = interface.preprocess == "uint8"
    image = ir.Value(
        name="input",
        type=ir.TensorType(ir.DataType.UINT8 if raw else ir.DataType.FLOAT),
        shape=ir.Shape([_batch(interface), *axes]),
    )

    if raw:
        scale, shift = preprocessing.scale_and_shift()
        _constant(graph, SCALE, scale)
        _constant(graph, SHIFT, shift)
    before = _chain(graph, preprocessing_nodes(interface), image)

    old = graph.inputs[0]
    graph.inputs[0] = image
    first = graph[0]
    redirect(old, before[-1].outputs[0] if before else image)
    graph.insert_before(first, before)


def _constant(graph: ir.Graph, name: str, array: NDArray[np.float64]) -> None:
    """An initializer, rounded to float32 once."""
    tensor = ir.Tensor(array.astype(np.float32), name=name)
    graph.initializers[name] = ir.Value(name=name, const_value=tensor)


def _batch(interface: Interface) -> int | str:
    return "batch" if interface.batch is None else interface.batch
