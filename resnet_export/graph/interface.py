"""What a file takes and gives: layout, batch, size, head and embedded preprocessing, and the nodes that these need."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.data import Plain
from resnet_export.errors import UsageError
from resnet_export.graph.access import NHWC_TO_NCHW
from resnet_export.graph.nodes import NodePlan
from resnet_export.images import Preprocessing

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

    def activation_of(self, classes: int) -> Activation | None:
        """What makes the output of the logits; None where it is these. The softmax of one logit is always 1."""
        if self.head == "probabilities":
            return "sigmoid" if classes == 1 else "softmax"
        return "sigmoid" if self.head == "sigmoid" else None

    def constants(self, classes: int) -> dict[str, NDArray[np.float32]]:
        """Name -> numbers of what follows the logits."""
        return {ONE: np.ones(1, np.float32)} if self.activation_of(classes) == "sigmoid" else {}


def preprocessing_nodes(interface: Interface) -> list[NodePlan]:
    """The nodes before the first convolution, in order."""
    raw, channels_last = interface.preprocess == "uint8", interface.layout == "nhwc"
    nodes = [
        (raw, NodePlan("preprocess.cast", "Cast", (), {"to": int(ir.DataType.FLOAT)}, "preprocess.cast")),
        (
            channels_last,
            NodePlan("preprocess.transpose", "Transpose", (), {"perm": NHWC_TO_NCHW}, "preprocess.transpose"),
        ),
        (raw, NodePlan("preprocess.scale", "Mul", (SCALE,), {}, "preprocess.scale")),
        (raw, NodePlan("preprocess.shift", "Add", (SHIFT,), {}, "preprocess.shift")),
    ]
    return _in_sequence("input", [plan for wanted, plan in nodes if wanted])


def activation_nodes(activation: Activation | None) -> list[NodePlan]:
    """The nodes behind the classifier, in order.

    A sigmoid is written out, 1 / (1 + exp(-x)): ONNX Runtime's own `Sigmoid` is a rational function that is off by 2 %
    where a probability is 1e-6, and never gives less than 1e-8.
    """
    nodes: list[NodePlan] = []
    if activation == "softmax":
        nodes = [NodePlan("softmax", "Softmax", (), {"axis": 1}, "softmax")]
    elif activation == "sigmoid":
        nodes = [
            NodePlan("sigmoid.neg", "Neg", (), {}, "sigmoid.neg"),
            NodePlan("sigmoid.exp", "Exp", (), {}, "sigmoid.exp"),
            NodePlan("sigmoid.add", "Add", (ONE,), {}, "sigmoid.add"),
            NodePlan("sigmoid", "Reciprocal", (), {}, "sigmoid"),
        ]
    return _in_sequence("logits", nodes)


def _in_sequence(source: str, nodes: list[NodePlan]) -> list[NodePlan]:
    """The nodes, each with the one before it as its first input."""
    sources = [source, *(node.output for node in nodes)]
    return [node._replace(inputs=(before, *node.inputs)) for before, node in zip(sources, nodes, strict=False)]


def preprocessing_constants(interface: Interface, preprocessing: Preprocessing) -> dict[str, NDArray[np.float32]]:
    """Name -> numbers of the embedded preprocessing, rounded to float32 once."""
    if interface.preprocess == "none":
        return {}
    scale, shift = preprocessing.scale_and_shift()
    return {SCALE: scale.astype(np.float32), SHIFT: shift.astype(np.float32)}
