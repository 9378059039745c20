"""What a file takes and gives: layout, batch, size, head and embedded preprocessing, put around the canonical graph."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
import onnx_ir as ir

from resnet_export.errors import UsageError
from resnet_export.graph.rewriting import NHWC_TO_NCHW, redirect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export.images import Preprocessing
    from resnet_export.spec import ResNetSpec

Layout = Literal["nchw", "nhwc"]
Head = Literal["logits", "probabilities", "embedding"]
Embedded = Literal["none", "uint8"]

LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc")
HEADS: tuple[Head, ...] = ("logits", "probabilities", "embedding")
EMBEDDED: tuple[Embedded, ...] = ("none", "uint8")
SCALE, SHIFT = "preprocess.scale.factor", "preprocess.shift.summand"
"""Names of the embedded preprocessing's constants."""

OPSETS = range(13, 27)
"""The meaning of the canonical graph's operators does not change between these."""


@dataclass(frozen=True)
class Interface:
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
    """Logits, their softmax, or the pooled features before the classifier."""
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

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data, for JSON."""
        return dataclasses.asdict(self)


def dress(model: ir.Model, spec: ResNetSpec, interface: Interface, preprocessing: Preprocessing) -> None:
    """Puts input and output as `interface` says around the canonical graph, in place."""
    _set_head(model.graph, interface.head)
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


def preprocessing_nodes(interface: Interface) -> list[tuple[str, str, tuple[str, ...], dict[str, Any]]]:
    """(operator, name, names of its constants, attributes) of the nodes before the first convolution, in order."""
    raw, channels_last = interface.preprocess == "uint8", interface.layout == "nhwc"
    nodes: list[tuple[bool, str, str, tuple[str, ...], dict[str, Any]]] = [
        (raw, "Cast", "preprocess.cast", (), {"to": int(ir.DataType.FLOAT)}),
        (channels_last, "Transpose", "preprocess.transpose", (), {"perm": NHWC_TO_NCHW}),
        (raw, "Mul", "preprocess.scale", (SCALE,), {}),
        (raw, "Add", "preprocess.shift", (SHIFT,), {}),
    ]
    return [(op, name, constants, attributes) for wanted, op, name, constants, attributes in nodes if wanted]


def _set_head(graph: ir.Graph, head: Head) -> None:
    """The output has the name of the head."""
    classifier = graph[-1]
    if head == "embedding":
        features = classifier.inputs[0]
        assert features is not None, "the classifier takes the features"
        graph.outputs[:] = [features]
        for parameter in classifier.inputs[1:]:
            if parameter is not None and parameter.name is not None:
                graph.initializers.pop(parameter.name)
        graph.remove(classifier, safe=True)
    elif head == "probabilities":
        softmax = ir.node("Softmax", classifier.outputs, {"axis": 1}, name="softmax")
        classifier.outputs[0].name = "logits"
        graph.append(softmax)
        graph.outputs[:] = softmax.outputs
    graph.outputs[0].name = head


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
    before: list[ir.Node] = []
    for op, name, constants, attributes in preprocessing_nodes(interface):
        source = before[-1].outputs[0] if before else image
        node = ir.node(op, [source, *(graph.initializers[constant] for constant in constants)], attributes, name=name)
        node.outputs[0].name = name
        before.append(node)

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
