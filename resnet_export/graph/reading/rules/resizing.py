"""`Resize`, and `Upsample` of older files: by scales, or to lengths that are known."""

from collections.abc import Sequence
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number, sizes
from resnet_export.graph.reading.values import Feature, UnreadableError, Value
from resnet_export.network import BATCH, Size
from resnet_export.network.operators.resizing import POSITIONS, ROUNDINGS, resized_length, scale_to

STRETCHED = {"antialias": 0, "keep_aspect_ratio_policy": "stretch"}
"""Attributes of later opsets, with the values that are read; cubic modes have more, which say nothing otherwise."""


def _resize(
    builder: Builder, value: Input, roi: Input = None, scales: Input = None, lengths: Input = None, **attributes: Any
) -> Value:
    if builder.opset < 11:  # scales were the second input then, and positions asymmetric
        return _upsample(builder, value, roi, **attributes)
    for name, read in STRETCHED.items():
        if attributes.get(name, read) != read:
            raise UnreadableError(f"its {name} is {attributes[name]}")
    x = builder.unpadded(feature(value))
    axes: Sequence[int] = attributes.get("axes") or range(len(x.shape))
    if lengths is not None and number(lengths).value().size:
        found = [_scale(builder, x.seen[axis], size) for axis, size in zip(axes, sizes(lengths), strict=True)]
    else:
        found = _numbers(scales)
    return _resized(
        builder,
        x,
        {x.perm[axis]: scale for axis, scale in zip(axes, found, strict=True)},
        attributes.get("mode", "nearest"),
        attributes.get("coordinate_transformation_mode", "half_pixel"),
        attributes.get("nearest_mode", "round_prefer_floor"),
    )


def _upsample(
    builder: Builder, value: Input, given: Input = None, *, mode: str = "nearest", scales: Sequence[float] = ()
) -> Value:
    x = builder.unpadded(feature(value))
    found = dict(zip(x.perm, scales or _numbers(given), strict=True))
    return _resized(builder, x, found, mode, "asymmetric", "floor")


def _numbers(scales: Input) -> list[float]:
    return [float(scale) for scale in number(scales).value().ravel()]


def _scale(builder: Builder, size: Size, wanted: Size) -> float:
    if wanted == size or (size == BATCH and wanted == builder.batch):  # the number of images that a tracer saw
        return 1.0
    if not isinstance(size, int) or not isinstance(wanted, int):
        raise UnreadableError("it resizes the batch")
    return scale_to(size, wanted)


def _resized(
    builder: Builder, x: Feature, scales: dict[int, float], mode: str, positions: str, rounding: str
) -> Feature:
    """The value resized by the scale of each axis of its step."""
    if (positions, rounding) == ("tf_half_pixel_for_nn", "floor"):  # floor((i + 1/2) / s), of opsets 11 and 12
        positions, rounding = "half_pixel", "round_prefer_ceil"
    if mode not in ("linear", "nearest"):
        raise UnreadableError(f"its mode is {mode}")
    if positions not in POSITIONS or rounding not in ROUNDINGS:
        raise UnreadableError(f"its coordinates are {positions}")
    every = tuple(scales.get(axis, 1.0) for axis in range(len(x.shape)))
    if all(scale == 1 or _keeps(size, scale) for size, scale in zip(x.shape, every, strict=True)):
        return x  # whatever the scales: ONNX Runtime copies what keeps its shape
    return builder.permuted(
        "Resize",
        x,
        {
            "mode": mode,
            "coordinate_transformation_mode": positions,
            "nearest_mode": rounding,
            "roi": None,
            "scales": every,
        },
    )


def _keeps(size: Size, scale: float) -> bool:
    return isinstance(size, int) and resized_length(size, scale) == size


RULES: dict[str, Single] = {"Resize": _resize, "Upsample": _upsample}
