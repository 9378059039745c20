"""Any graph in float64: onnx's reference evaluator, with convolution and max pooling of our own where they are slow.

For files that are not canonical, whose only specification is themselves. Widening a file to float64 turns its float
initializers, constants and casts into double; integers stay as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_conv import Conv as OnnxConv
from onnx.reference.ops.op_max_pool import MaxPool as OnnxMaxPool

from resnet_export.error_text import error_text
from resnet_export.errors import ModelError
from resnet_export.graph.reading.rules.windows import same_padding
from resnet_export.network.operators import OPERATORS
from resnet_export.network.operators.operator import Floats
from resnet_export.network.operators.windows import pad

STANDARD_QUANTIZATION = 19
"""The first opset of which onnx's reference evaluator quantises."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)


class Conv(OnnxConv):
    """Plain two-dimensional convolution as a matrix product; anything else is left to onnx."""

    op_domain = ""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> Any:  # type: ignore[override]
        window = _Window.of(weight.shape[2:], attributes)
        if x.ndim != 4 or attributes.get("group") not in (None, 1) or not window.plain:
            return super()._run(x, weight, bias, **attributes)  # type: ignore[no-untyped-call]
        top, left, bottom, right = window.pads(x.shape[2:])
        step = {
            "group": 1, "kernel_shape": window.kernel, "strides": window.strides, "dilations": window.dilations,
            "pads": (top, left, bottom, right),
        }  # fmt: skip
        numbers = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
        return (OPERATORS["Conv"].apply(step, [x], numbers),)


class MaxPool(OnnxMaxPool):
    """Two-dimensional max pooling as a view; with `ceil_mode` it is left to onnx."""

    op_domain = ""

    def _run(self, x: Any, **attributes: Any) -> Any:  # type: ignore[override]
        if x.ndim != 4 or attributes.get("ceil_mode"):
            return super()._run(x, **attributes)  # type: ignore[no-untyped-call]
        window = _Window.of(attributes["kernel_shape"], attributes)
        top, left, bottom, right = window.pads(x.shape[2:])
        padded = pad(x, ((top, bottom), (left, right)), -np.inf)
        spans = np.lib.stride_tricks.sliding_window_view(padded, window.spans, axis=(2, 3))
        (down, right), (deep, wide) = window.strides, window.dilations
        return (spans[:, :, ::down, ::right, ::deep, ::wide].max(axis=(-2, -1)),)


class QuantizeLinear(OpRun):
    """Rounding to 8 bits, in the precision of the graph; onnx's own knows opset 19 and later only."""

    op_domain = ""

    def _run(self, x: Any, scale: Any, zero_point: Any = None, **attributes: Any) -> Any:
        zero_point = np.uint8(0) if zero_point is None else zero_point
        limits = np.iinfo(zero_point.dtype)
        axis = attributes.get("axis", 1)
        rounded = np.rint(x / _along(scale, x, axis)) + _along(zero_point, x, axis).astype(x.dtype)
        return (np.clip(rounded, limits.min, limits.max).astype(zero_point.dtype),)


class DequantizeLinear(OpRun):
    """The way back, in the precision of the scale."""

    op_domain = ""

    def _run(self, x: Any, scale: Any, zero_point: Any = None, **attributes: Any) -> Any:
        axis = attributes.get("axis", 1)
        zero = 0 if zero_point is None else _along(zero_point, x, axis).astype(scale.dtype)
        return ((x.astype(scale.dtype) - zero) * _along(scale, x, axis),)


class Evaluator:
    """A file, evaluated in one precision."""

    def __init__(self, path: Path, taken: str, dtype: type[np.float64 | np.float32]) -> None:
        """Reads the file.

        Args:
            path: the `.onnx` file.
            taken: the name of its image input.
            dtype: float64 widens it; float32 leaves it as it is.

        Raises:
            ModelError: it has an operator that onnx's reference evaluator does not know.
        """
        proto = _load(path)
        if dtype is np.float64:
            _widen(proto.graph)
        self._path, self._dtype, self._input = path, dtype, taken
        quantized: list[Any] = (
            [QuantizeLinear, DequantizeLinear] if proto.opset_import[0].version < STANDARD_QUANTIZATION else []
        )
        with self._explained():
            self._evaluator = ReferenceEvaluator(proto, new_ops=[Conv, MaxPool, *quantized])

    def outputs(self, images: NDArray[Any], others: Sequence[str] = (), *, singly: bool) -> list[Floats]:
        """The first output and those that are named.

        Args:
            images: as the file takes them.
            others: names of outputs behind the first.
            singly: one image at a time, so that a batch's output is a prefix of a larger one's.
        """
        parts = [images[i : i + 1] for i in range(len(images))] if singly else [images]
        found = [self._run(part, others) for part in parts]
        return [np.concatenate(values) for values in zip(*found, strict=True)] if singly else found[0]

    def output(self, images: NDArray[Any], *, singly: bool) -> Floats:
        """The first output."""
        return self.outputs(images, singly=singly)[0]

    def _run(self, images: NDArray[Any], others: Sequence[str]) -> list[Floats]:
        floating = np.issubdtype(images.dtype, np.floating)
        given = images.astype(self._dtype) if floating else images
        names = [self._evaluator.output_names[0], *others]
        with self._explained(), np.errstate(all="ignore"):  # what is not finite is found in the output
            return [np.asarray(value) for value in self._evaluator.run(names, {self._input: given})]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what the evaluator or one of its operators raises into an error of the file."""
        try:
            yield
        except Exception as error:  # each raises its own kinds
            raise ModelError(
                f"{self._path.name} cannot be evaluated in float64: {error_text(error)}.",
                hint="Give the checkpoint that it was made of with --weights: that is the truth then.",
            ) from error


def _load(path: Path) -> onnx.ModelProto:
    """The file with its nodes in topological order, as ONNX asks for and some converters do not write them."""
    proto = onnx.load_model(path)
    model = ir.from_proto(proto)
    written = list(model.graph)
    try:
        model.graph.sort()
    except ValueError:  # a cycle
        return proto
    return proto if list(model.graph) == written else ir.to_proto(model)


def _along(values: Any, x: Any, axis: int) -> Any:
    """A scalar as it is; one number for each index of `axis` of `x` in a shape that broadcasts."""
    if values.ndim == 0 or values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if index == axis % x.ndim else 1 for index in range(x.ndim)])


class _Window(NamedTuple):
    """How a convolution or a pooling goes over its input; each pair is (down, right)."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    auto_pad: str
    given: tuple[int, ...]
    """Padding of (top, left, bottom, right), where `auto_pad` leaves it to the node."""

    @classmethod
    def of(cls, kernel: Sequence[int], attributes: Mapping[str, Any]) -> _Window:
        """By the attributes of a node; absent ones have the standard's defaults."""
        return cls(
            tuple(kernel),
            tuple(attributes.get("strides") or (1, 1)),
            tuple(attributes.get("dilations") or (1, 1)),
            attributes.get("auto_pad") or "NOTSET",
            tuple(attributes.get("pads") or (0, 0, 0, 0)),
        )

    @property
    def plain(self) -> bool:
        """Whether it is a square without gaps that moves alike in both directions."""
        return self.kernel[0] == self.kernel[1] and self.strides[0] == self.strides[1] and set(self.dilations) == {1}

    @property
    def spans(self) -> tuple[int, int]:
        """Rows and columns from the first to the last that it sees."""
        down, right = ((size - 1) * gap + 1 for size, gap in zip(self.kernel, self.dilations, strict=True))
        return down, right

    def pads(self, sizes: Sequence[int]) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) for an input of these sizes."""
        top, left, bottom, right = self.given
        if self.auto_pad.startswith("SAME"):
            axes = zip(sizes, self.spans, self.strides, strict=True)
            (top, bottom), (left, right) = (same_padding(*axis) for axis in axes)
            if self.auto_pad == "SAME_LOWER":
                return bottom, right, top, left
        return top, left, bottom, right


def _widen(graph: onnx.GraphProto) -> None:
    """Makes every float of the graph a double."""
    for tensor in graph.initializer:
        if tensor.data_type in FLOATS:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in FLOATS:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64)))
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in FLOATS:
                attribute.i = TensorProto.DOUBLE
            elif attribute.type == onnx.AttributeProto.GRAPH:
                _widen(attribute.g)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in FLOATS:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
