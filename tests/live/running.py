"""A raw topology with its numbers, run by ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export.convert import Topology

ROUNDING = 2.0**-19
"""Largest relative distance of two float32 runs of these networks of two or three layers: 32 roundings of 2^-24."""


def images(channels: int = 3, size: int = 8) -> NDArray[np.float32]:
    """Three images; the examples that are traced have two."""
    return np.random.default_rng(0).standard_normal((3, channels, size, size), np.float32)


def answers(topology: Topology, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
    """What the graph gives for the images and the numbers beside it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    content = ir.to_proto(topology.graph).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feeds = {name: array.astype(np.float32) for name, array in topology.parameters.items()} | {"input": batch}
    found: list[NDArray[Any]] = session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})
    return found


def near(found: NDArray[Any], expected: NDArray[Any], tolerance: float = ROUNDING) -> bool:
    """Whether the largest distance is within `tolerance` of the largest number."""
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= tolerance * np.abs(expected).max())


def check_inputs(topology: Topology, channels: int = 3, size: int = 8) -> None:
    """The image first, then every parameter under its name, in float32, with the shape of its numbers."""
    image, *parameters = topology.graph.graph.inputs
    assert image.name == "input"
    assert image.shape is not None
    batch, *rest = image.shape
    assert not isinstance(batch, int), "the batch is of any size"
    assert rest == [channels, size, size]
    assert {value.dtype for value in topology.graph.graph.inputs} == {ir.DataType.FLOAT}
    shapes = {value.name: tuple(value.shape or ()) for value in parameters}
    assert shapes == {name: array.shape for name, array in topology.parameters.items()}
    assert len(parameters) == len(shapes)
    assert len(topology.graph.graph.outputs) == len(topology.outputs)
