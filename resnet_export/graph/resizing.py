"""The resize and the crop of pictures as nodes of a file: what `images.prepare` does with Pillow.

On pixels as uint8, ONNX Runtime's antialiased `Resize` rounds after the rows and after the columns, as Pillow does. The
operator's own policy for the aspect ratio rounds the longer side to the nearest pixel, and we round it down: the sizes
are computed here. They are given for all four axes, since ONNX Runtime moves transposes across a `Resize` of two axes
and leaves it without sizes.
"""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.errors import UsageError
from resnet_export.graph.access import NHWC_TO_NCHW
from resnet_export.graph.nodes import NodePlan
from resnet_export.images import Interpolation, Preprocessing

_node = NodePlan.around

RESIZE, CROP = "preprocess.resize", "preprocess.crop"
"""Names of the two nodes, and of what they give."""
FILTERS: dict[Interpolation, dict[str, Any]] = {
    "bilinear": {"mode": "linear", "antialias": 1, "exclude_outside": 1},
    "bicubic": {"mode": "cubic", "antialias": 1, "exclude_outside": 1, "cubic_coeff_a": -0.5},
}
"""Interpolation -> attributes that make it Pillow's: beyond the edge of a picture there is nothing.

By the nearest pixel, ONNX Runtime computes places in float32, which are then on the other side of a tie: of photographs
6 % of the values were other ones."""
SIDE, LENGTH, HALF = "preprocess.resize.length", "preprocess.crop.length", "preprocess.crop.half"
STARTS, ENDS, AXES = "preprocess.crop.starts", "preprocess.crop.ends", "preprocess.crop.axes"
FLOAT, INT64 = {"to": int(ir.DataType.FLOAT)}, {"to": int(ir.DataType.INT64)}


def resizing_nodes(preprocessing: Preprocessing) -> list[NodePlan]:
    """The nodes from the input, uint8 (N, H, W, C), to (N, C, crop, crop).

    Raises:
        UsageError: ONNX has no such interpolation.
    """
    if preprocessing.interpolation not in FILTERS:
        raise UsageError(
            f"A file can't resize with the interpolation {preprocessing.interpolation} as Pillow does.",
            hint=f"Give --interpolation {' or '.join(FILTERS)}, or --preprocess uint8.",
        )
    resize, kept = FILTERS[preprocessing.interpolation], preprocessing.aspect == "kept"
    return [
        _node("preprocess.pixels", "Transpose", "input", perm=NHWC_TO_NCHW),
        _node("preprocess.batch", "Shape", "preprocess.pixels", start=0, end=2),
        *(_computed_sizes() if kept else ()),
        _node("preprocess.sizes", "Concat", "preprocess.batch", "preprocess.size" if kept else SIDE, axis=0),
        _node(RESIZE, "Resize", "preprocess.pixels", "", "", "preprocess.sizes", **resize),
        *(_computed_crop(preprocessing) if kept else ()),
        _node(CROP, "Slice", RESIZE, STARTS, ENDS, AXES),
    ]


def resizing_constants(preprocessing: Preprocessing) -> dict[str, NDArray[Any]]:
    """Name -> numbers that these nodes take."""
    resize, crop = preprocessing.resize, preprocessing.crop
    axes = {AXES: np.array([2, 3])}
    if preprocessing.aspect == "kept":
        return {SIDE: np.array([resize]), LENGTH: np.array([crop]), HALF: np.array([0.5], np.float32), **axes}
    start = preprocessing.start(resize)
    return {SIDE: np.array([resize] * 2), STARTS: np.array([start] * 2), ENDS: np.array([start + crop] * 2), **axes}


def _computed_sizes() -> list[NodePlan]:
    """Height and width after the resize: times its length, over the shorter one, rounded down."""
    return [
        _node("preprocess.sides", "Shape", "preprocess.pixels", start=2),
        _node("preprocess.shorter", "ReduceMin", "preprocess.sides", keepdims=1),
        _node("preprocess.scaled", "Mul", "preprocess.sides", SIDE),
        _node("preprocess.size", "Div", "preprocess.scaled", "preprocess.shorter"),
    ]


def _computed_crop(preprocessing: Preprocessing) -> list[NodePlan]:
    """Where the middle begins and ends: ONNX rounds half a pixel to the even one, too."""
    return [
        _node("preprocess.margin", "Sub", "preprocess.size", LENGTH),
        _node("preprocess.margin.float", "Cast", "preprocess.margin", **FLOAT),
        _node("preprocess.middle", "Mul", "preprocess.margin.float", HALF),
        _node("preprocess.rounded", "Floor" if preprocessing.half == "down" else "Round", "preprocess.middle"),
        _node(STARTS, "Cast", "preprocess.rounded", **INT64),
        _node(ENDS, "Add", STARTS, LENGTH),
    ]
