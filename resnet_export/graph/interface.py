"""What a file takes and gives: layout, batch, size, head and embedded preprocessing, and the nodes that these need."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.data import Plain
from resnet_export.errors import UsageError
from resnet_export.graph.access import NHWC_TO_NCHW
from resnet_export.graph.nodes import NodePlan
from resnet_export.graph.resizing import resizing_constants, resizing_nodes
from resnet_export.images import Preprocessing
from resnet_export.network import IMAGE

Layout = Literal["nchw", "nhwc"]
Head = Literal["logits", "probabilities", "sigmoid", "embedding"]
Activation = Literal["softmax", "sigmoid"]
Embedded = Literal["none", "uint8", "image"]

LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc")
HEADS: tuple[Head, ...] = ("logits", "probabilities", "sigmoid", "embedding")
OUTPUTS: dict[Head, str] = {**{head: head for head in HEADS}, "sigmoid": "probabilities"}
"""Head -> name of the output."""
EMBEDDED: tuple[Embedded, ...] = ("none", "uint8", "image")
SCALE, SHIFT = "preprocess.scale.factor", "preprocess.shift.summand"
"""Names of the embedded preprocessing's constants."""
FLIP = "preprocess.bgr.indices"
"""Name of the constant that turns RGB into BGR."""
ONE = "sigmoid.one"
"""Name of the sigmoid's constant."""

OPSETS = range(13, 27)
"""The meaning of the canonical graph's operators does not change between these."""
ANTIALIASED = 18
"""The first opset whose resize is antialiased."""


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
    """`uint8`: the file takes raw pixels 0..255 and normalises them itself. `image`: it takes pictures of any size as
    such pixels, (batch, height, width, channels), and resizes and crops them too."""
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
        opset = f"An antialiased resize needs opset {ANTIALIASED}, and opset {self.opset} was asked for."
        layout = f"A file that prepares pictures takes them as they are decoded, NHWC, and not {self.layout}."
        size = "A file that prepares pictures takes any size already, and crops it to that of the network."
        for wrong, message, hint in (
            (self.opset < ANTIALIASED, opset, f"Give --opset {ANTIALIASED}, or --preprocess uint8."),
            (self.layout != "nhwc", layout, "Leave --layout out."),
            (self.dynamic_size, size, "Leave --dynamic-size out."),
        ):
            if self.takes_pictures and wrong:
                raise UsageError(message, hint=hint)

    @property
    def takes_pixels(self) -> bool:
        """Whether the input is pixels 0..255."""
        return self.preprocess != "none"

    @property
    def takes_pictures(self) -> bool:
        """Whether the input is pictures of any size, which the file prepares itself."""
        return self.preprocess == "image"

    def activation_of(self, classes: int) -> Activation | None:
        """What makes the output of the logits; None where it is these. The softmax of one logit is always 1."""
        if self.head == "probabilities":
            return "sigmoid" if classes == 1 else "softmax"
        return "sigmoid" if self.head == "sigmoid" else None


def preprocessing_nodes(interface: Interface, preprocessing: Preprocessing) -> list[NodePlan]:
    """The nodes before the first convolution, in order; `preprocessing` counts for what is embedded of it."""
    nodes = resizing_nodes(preprocessing) if interface.takes_pictures else []

    def then(name: str, op: str, *inputs: str, **attributes: Any) -> None:
        nodes.append(NodePlan.around(name, op, nodes[-1].output if nodes else IMAGE, *inputs, **attributes))

    if interface.takes_pixels:
        then("preprocess.cast", "Cast", to=int(ir.DataType.FLOAT))
    if interface.layout == "nhwc" and not interface.takes_pictures:
        then("preprocess.transpose", "Transpose", perm=NHWC_TO_NCHW)
    if interface.takes_pixels:
        if preprocessing.bgr:
            then("preprocess.bgr", "Gather", FLIP, axis=1)
        then("preprocess.scale", "Mul", SCALE)
        then("preprocess.shift", "Add", SHIFT)
    return nodes


def activation_nodes(activation: Activation | None) -> list[NodePlan]:
    """The nodes behind the classifier, in order.

    A sigmoid is written out, 1 / (1 + exp(-x)): ONNX Runtime's own `Sigmoid` is a rational function that is off by 2 %
    where a probability is 1e-6, and never gives less than 1e-8.
    """
    if activation == "softmax":
        return [NodePlan.around("softmax", "Softmax", "logits", axis=1)]
    if activation == "sigmoid":
        return [
            NodePlan.around("sigmoid.neg", "Neg", "logits"),
            NodePlan.around("sigmoid.exp", "Exp", "sigmoid.neg"),
            NodePlan.around("sigmoid.add", "Add", "sigmoid.exp", ONE),
            NodePlan.around("sigmoid", "Reciprocal", "sigmoid.add"),
        ]
    return []


def normalising_constants(interface: Interface, preprocessing: Preprocessing) -> dict[str, NDArray[Any]]:
    """Name -> numbers of the embedded normalisation, rounded to float32 once."""
    if not interface.takes_pixels:
        return {}
    scale, shift = preprocessing.scale_and_shift()
    return {SCALE: scale.astype(np.float32), SHIFT: shift.astype(np.float32)}


def fixed_constants(
    interface: Interface, preprocessing: Preprocessing, activation: Activation | None
) -> dict[str, NDArray[Any]]:
    """Name -> numbers that stand for a rule: the order of the channels, sizes, the sigmoid's 1."""
    found: dict[str, NDArray[Any]] = {ONE: np.ones(1, np.float32)} if activation == "sigmoid" else {}
    if interface.takes_pixels and preprocessing.bgr:
        found[FLIP] = np.array([2, 1, 0])
    if interface.takes_pictures:
        found |= resizing_constants(preprocessing)
    return found
