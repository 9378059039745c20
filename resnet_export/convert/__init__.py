"""Live model -> raw ONNX topology: `trace(model, image) -> Topology` in every module.

A raw topology carries the structure and no numbers: its first input is the image, (batch, channels, height,
width) and named `input`; every floating parameter and buffer is a further input under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx_ir as ir

TRACED_OPSET = 18
"""Asked for less, torch returns 18 and complains; tf2onnx goes no further. The file's own opset is set by `graph`."""


@dataclass(frozen=True)
class Topology:
    """What a converter made of a model: the structure, and the numbers apart."""

    graph: ir.Model
    """The raw topology: float32 throughout, whatever the model's own type is."""
    parameters: Mapping[str, NDArray[Any]]
    """Name of a graph input -> its numbers, in that input's layout, which is ONNX's: kernels of convolutions
    (out, in, height, width), of depthwise ones (channels * multiplier, 1, height, width), of dense layers (out, in).
    What was float16 or bfloat16 is widened to float32, which is exact; float64 stays float64."""
    outputs: tuple[str, ...]
    """What the user calls the graph's outputs, in their order; `output` where the model gives a tensor alone."""
