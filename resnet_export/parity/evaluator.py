"""Any graph in float64: onnx's reference evaluator, with convolution and max pooling of our own where they are slow.

For files that are not canonical, whose only specification is themselves. Widening a file to float64 turns its float
initializers, constants and casts into double; integers stay as they are.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_conv import Conv as OnnxConv
from onnx.reference.ops.op_max_pool import MaxPool as OnnxMaxPool

from resnet_export.errors import ModelError
from resnet_export.parity.truth import convolve, pad, windows
from resnet_export.runtimes.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.parity.truth import Floats

STANDARD_QUANTIZATION = 19
"""The first opset of which onnx's reference evaluator quantises."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)


class Conv(OnnxConv):
    """Plain two-dimensional convolution as a matrix product; anything else is left to onnx."""

    op_domain = ""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> Any:  # type: ignore[override]
        pads = _plain_pads(x, weight.shape[2:], attributes)
        if pads is None or attributes.get("group") not in (None, 1):
            return super()._run(x, weight, bias, **attributes)  # type: ignore[no-untyped-call]
        stride = (attributes.get("strides") or [1])[0]
        out = convolve(x, weight, stride, pads, x.dtype.type)
        return (out if bias is None else out + bias[:, None, None],)


class MaxPool(OnnxMaxPool):
    """Plain two-dimensional max pooling as a view; anything else is left to onnx."""

    op_domain = ""

    def _run(self, x: Any, **attributes: Any) -> Any:  # type: ignore[override]
        kernel = attributes.get("kernel_shape") or []
        pads = _plain_pads(x, kernel, attributes)
        if pads is None or attributes.get("ceil_mode"):
            return super()._run(x, **attributes)  # type: ignore[no-untyped-call]
        stride = (attributes.get("strides") or [1])[0]
        padded = pad(x, pads, -np.inf)
        return (windows(padded, kernel[0], stride).max(axis=(-2, -1)),)


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
            path: of the `.onnx` file.
            taken: the name of its image input.
            dtype: float64 widens it; float32 leaves it as it is.

        Raises:
            ModelError: it has an operator that onnx's reference evaluator does not know.
        """
        proto = onnx.load_model(path)
        if dtype is np.float64:
            _widen(proto.graph)
        self._path, self._dtype, self._input = path, dtype, taken
        quantized: list[Any] = (
            [QuantizeLinear, DequantizeLinear] if proto.opset_import[0].version < STANDARD_QUANTIZATION else []
        )
        with self._explained():
            self._evaluator = ReferenceEvaluator(proto, new_ops=[Conv, MaxPool, *quantized])

    def output(self, images: NDArray[Any], *, singly: bool) -> Floats:
        """The first output.

        Args:
            images: as the file takes them.
            singly: one image at a time, so that a batch's output is a prefix of a larger one's.
        """
        parts: Iterable[NDArray[Any]] = (images[i : i + 1] for i in range(len(images))) if singly else [images]
        return np.concatenate([np.asarray(self._run(part)[0]) for part in parts])

    def _run(self, images: NDArray[Any]) -> Sequence[Any]:
        floating = np.issubdtype(images.dtype, np.floating)
        given = images.astype(self._dtype) if floating else images
        with self._explained(), np.errstate(all="ignore"):  # what is not finite is found in the output
            return list(self._evaluator.run(None, {self._input: given}))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what the evaluator or one of its operators raises into an error of the file."""
        try:
            yield
        except Exception as error:  # each raises its own kinds
            raise ModelError(
                f"{self._path.name} cannot be evaluated in float64: {reason(error)}.",
                hint="Give the checkpoint that it was made of with --weights: that is the truth then.",
            ) from error


def _along(values: Any, x: Any, axis: int) -> Any:
    """A scalar as it is; one number for each index of `axis` of `x` in a shape that broadcasts."""
    if values.ndim == 0 or values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if index == axis % x.ndim else 1 for index in range(x.ndim)])


def _plain_pads(x: Any, kernel: Sequence[int], attributes: dict[str, Any]) -> tuple[int, int, int, int] | None:
    """(top, left, bottom, right) of a square window with equal strides and no dilation; None for any other."""
    strides, dilations = attributes.get("strides") or [1, 1], attributes.get("dilations") or [1, 1]
    if x.ndim != 4 or len(kernel) != 2 or kernel[0] != kernel[1] or strides[0] != strides[1] or set(dilations) != {1}:
        return None
    match attributes.get("auto_pad") or "NOTSET":
        case "NOTSET":
            top, left, bottom, right = attributes.get("pads") or (0, 0, 0, 0)
            return top, left, bottom, right
        case "VALID":
            return 0, 0, 0, 0
        case mode:  # SAME_UPPER and SAME_LOWER: the odd one out comes last, or first
            before = []
            after = []
            for size in x.shape[2:]:
                total = max((-(-size // strides[0]) - 1) * strides[0] + kernel[0] - size, 0)
                small, large = total // 2, total - total // 2
                before.append(large if mode == "SAME_LOWER" else small)
                after.append(small if mode == "SAME_LOWER" else large)
            return before[0], before[1], after[0], after[1]


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
