"""Hand-made graphs in ONNX's text form, and the network that is read off one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir

from resnet_export.graph.reading import read
from resnet_export.network.folding import fold, unfolded
from tests.network.running import assert_computed, file_of, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resnet_export.graph.reading import Reading
    from resnet_export.network import Network

BATCH = 2
"""Images that a graph is run on."""


def model_of(signature: str, body: str, opset: int = 18, **initializers: Any) -> ir.Model:
    """`model_of("(float[N,3,8,8] x) => (float[N,C] y)", "y = Relu(x)")`."""
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> agraph {signature} {{ {body} }}'
    proto = onnx.parser.parse_model(text)
    for name, array in initializers.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return ir.from_proto(proto)


def feeds_of(model: ir.Model, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Random numbers for every input; one whose name starts with `variance` gets positive ones."""
    generator = np.random.default_rng(seed)
    feeds = {}
    for value in model.graph.inputs:
        assert value.name is not None
        assert value.shape is not None
        shape = [size if isinstance(size, int) else BATCH for size in value.shape]
        array = generator.standard_normal(shape).astype(np.float32)
        feeds[value.name] = abs(array) + np.float32(0.1) if value.name.startswith("variance") else array
    return feeds


def reading_of(model: ir.Model) -> Reading:
    """What is read off a graph whose first input is the image; asserts that it is what the graph computes.

    It is evaluated in float64 beside ONNX Runtime, and so is the file that is made of it. What is read off that file is
    the same network again.
    """
    feeds = feeds_of(model)
    image, *others = feeds
    expected = run(ir.to_proto(model), feeds)
    reading = read(model, _image(model), {name: feeds[name] for name in others})
    network = reading.network
    assert_computed(network, reading.numbers, feeds[image], expected)
    proto = file_of(network, reading.numbers)
    assert_computed(network, reading.numbers, feeds[image], run(proto, {"input": feeds[image]}))
    again = read(ir.from_proto(proto), network.image).network
    assert structure(again) == structure(unfolded(fold(network)))
    return reading


def network_of(signature: str, body: str, opset: int = 18) -> Network:
    return reading_of(model_of(signature, body, opset)).network


def operators(network: Network) -> list[str]:
    return [step.op for step in network.steps]


def structure(network: Network) -> list[Any]:
    """A network without its names."""
    places = {name: index for index, name in enumerate(["input", *(step.name for step in network.steps)])}
    return [
        [step.op, [places[name] for name in step.inputs], dict(step.attributes), dict(step.parameters)]
        for step in network.steps
    ] + [[places[name] for name in network.outputs]]


def _image(model: ir.Model) -> tuple[int, int, int]:
    shape: Sequence[Any] = model.graph.inputs[0].shape or ()
    channels, height, width = shape[1:]
    return channels, height, width
