"""Random classifiers as raw ONNX graphs, out of every operator that the reader takes, at opsets 7 to 21."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

IMAGES = 37
"""Length of the batch while shapes are inferred: larger than any other axis, so that it can be told from these."""
OPSETS = range(7, 22)
LARGEST = 3000
"""Elements of an image's value above which no operator makes it larger."""
FLOAT = TensorProto.FLOAT


@dataclass(frozen=True)
class Value:
    """A value of the graph that depends on the image."""

    name: str
    shape: tuple[int, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def leads(self) -> bool:
        """Whether its first axis, and no other, is the batch."""
        return self.shape[:1] == (IMAGES,) and all(size < IMAGES for size in self.shape[1:])

    @property
    def size(self) -> int:
        return math.prod(self.shape) // IMAGES


class Graph:
    """A graph under construction: nodes, numbers, and the shape of every value.

    Attributes:
        random: decides everything.
        batch: the number of images that the graph is fixed to; None for any.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.opset = random.choice(OPSETS)
        self.batch = random.choice([None, None, None, 2])
        self.image = (random.choice([1, 3, 3, 4]), random.randint(6, 11), random.randint(6, 11))
        self.numbers = np.random.default_rng(random.getrandbits(32))
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, NDArray[Any]] = {}
        self._known: dict[str, NDArray[Any]] = {}
        self._count = 0
        self.source = Value("image", (IMAGES, *self.image))

    # What random choices are made of.

    def flag(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def axis(self, x: Value, first: int = 1) -> int:
        """Any axis but the batch, also counted from the end where the opset knows that."""
        return self.counted(self.random.randrange(first, x.rank), x.rank)

    def counted(self, axis: int, rank: int) -> int:
        return axis - rank if self.opset >= 11 and self.flag(0.3) else axis

    def normal(self, *shape: int, scale: float = 1.0, around: float = 0.0) -> NDArray[np.float32]:
        return (around + scale * self.numbers.standard_normal(shape)).astype(np.float32)

    def positive(self, *shape: int) -> NDArray[np.float32]:
        return self.numbers.uniform(0.5, 1.5, shape).astype(np.float32)

    # Numbers and nodes.

    def name(self, hint: str) -> str:
        self._count += 1
        return f"{hint}_{self._count}"

    def number(self, array: Any) -> str:
        """An initializer, a Constant, or something computed of these."""
        array = np.asarray(array)
        kind = self.random.random()
        name = self.name("number")
        self._known[name] = array
        if kind < 0.6:
            self._initializers[name] = array
        elif kind < 0.8 or array.dtype != np.float32 or array.ndim == 0:
            self._append("Constant", [], [name], value=numpy_helper.from_array(array))
        elif kind < 0.9:
            flat = self.number(array.ravel())
            self._append("Reshape", [flat, self.number(np.array(array.shape, np.int64))], [name])
        else:
            order = self.random.sample(range(array.ndim), array.ndim)
            turned = self.number(np.ascontiguousarray(array.transpose(np.argsort(order))))
            self._append("Transpose", [turned], [name], perm=order)
        return name

    def integers(self, *values: int) -> str:
        return self.number(np.array(values, np.int64))

    def computed(self, op: str, *operands: str, **attributes: Any) -> str:
        """A node of numbers alone, whose result has a shape that nothing has to infer."""
        name = self.name(op.lower())
        self._append(op, list(operands), [name], **attributes)
        return name

    def node(self, op: str, *inputs: Value | str, outputs: int = 1, **attributes: Any) -> list[Value]:
        """Appends a node, and infers the shapes of its outputs."""
        names = [value if isinstance(value, str) else value.name for value in inputs]
        made = [self.name(op.lower()) for _ in range(outputs)]
        self._append(op, names, made, **attributes)
        values = {value.name: value.shape for value in inputs if isinstance(value, Value)}
        known = {name: self._known[name] for name in names if name in self._known}
        return [Value(name, shape) for name, shape in zip(made, self._shapes(values, known, made), strict=True)]

    def one(self, op: str, *inputs: Value | str, **attributes: Any) -> Value:
        return self.node(op, *inputs, **attributes)[0]

    def with_shape(self, op: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> Value:
        """A node whose shape is known, and can't be inferred."""
        name = self.name(op.lower())
        self._append(op, inputs, [name], **attributes)
        return Value(name, shape)

    def axes(self, op: str, since: int, x: Value, axes: list[int], **attributes: Any) -> Value:
        """A node whose axes are an input since that opset, and an attribute before."""
        if self.opset >= since:
            return self.one(op, x, self.integers(*axes), **attributes)
        return self.one(op, x, axes=axes, **attributes)

    def _append(self, op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        name = self.name(op) if self.flag(0.9) else ""
        self._nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))

    def _shapes(
        self, values: dict[str, tuple[int, ...]], known: dict[str, NDArray[Any]], made: list[str]
    ) -> list[tuple[int, ...]]:
        graph = helper.make_graph(
            [self._nodes[-1]],
            "node",
            [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in values.items()],
            [helper.make_empty_tensor_value_info(name) for name in made],
            [numpy_helper.from_array(array, name) for name, array in known.items()],
        )
        inferred = onnx.shape_inference.infer_shapes(self._model(graph), strict_mode=True)
        shapes = [value.type.tensor_type.shape.dim for value in inferred.graph.output]
        assert all(axis.HasField("dim_value") for shape in shapes for axis in shape), self._nodes[-1]
        return [tuple(axis.dim_value for axis in shape) for shape in shapes]

    def _model(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        opset = helper.make_opsetid("", self.opset)
        # Before IR 4, every initializer has to be an input too.
        version = max(4, helper.find_min_ir_version_for([opset]))
        return helper.make_model(graph, opset_imports=[opset], ir_version=version)

    def finished(self, outputs: list[Value]) -> onnx.ModelProto:
        """The model that gives these values."""
        batch = self.batch or "batch"
        given = [helper.make_tensor_value_info(value.name, FLOAT, [None] * value.rank) for value in outputs]
        graph = helper.make_graph(
            self._nodes,
            "random",
            [helper.make_tensor_value_info("image", FLOAT, [batch, *self.image])],
            given,
            [numpy_helper.from_array(array, name) for name, array in self._initializers.items()],
        )
        return self._model(graph)
