"""A network as a file, in ONNX Runtime without its optimisations: what every evaluation of ours is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime

from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.folding import fold, folded_numbers
from resnet_export.network.sizes import concrete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from resnet_export.network import Network

OPSET = 18
"""The one in whose meaning steps are to be read."""


def file_of(network: Network, numbers: Mapping[str, NDArray[Any]], opset: int = OPSET) -> onnx.ModelProto:
    """The file of a network, its batch norms folded."""
    folded = fold(network)
    outputs = tuple(f"output{index}" for index in range(1, len(network.outputs)))
    preprocessing = Preprocessing.default(network.image[0], min(network.image[1:]))
    model = build_graph(folded, Interface(opset=opset), preprocessing, name="network", outputs=outputs)
    bind(model, dict(folded_numbers(folded, numbers)))
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto)  # not its shapes: at opset 18, those of poolings with `ceil_mode` are not ONNX's
    return proto


def run(proto: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
    """In ONNX Runtime, as it stands."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[np.float32]] = session.run(None, feeds)
    return outputs


def images_of(network: Network, batch: int = 2, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((batch, *network.image)).astype(np.float32)


def numbers_of(network: Network, seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """Random numbers; what is a variance is positive."""
    generator = np.random.default_rng(seed)
    drawn = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in network.parameters.items()}
    return {name: abs(array) + np.float32(0.1) if "var" in name else array for name, array in drawn.items()}


def assert_computed(
    network: Network,
    numbers: Mapping[str, NDArray[Any]],
    images: NDArray[np.float32],
    expected: list[NDArray[np.float32]],
) -> None:
    """The evaluation in float64 gives what was expected, in the shapes of the shape rules."""
    found = outputs_of(network, numbers, images, network.outputs)
    for name, ours, theirs in zip(network.outputs, found, expected, strict=True):
        assert ours.dtype == np.float64
        assert ours.shape == theirs.shape == concrete(network.shapes[name], len(images))
        scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * scale)


def assert_as_in_onnx_runtime(
    network: Network, numbers: Mapping[str, NDArray[Any]] | None = None, images: NDArray[np.float32] | None = None
) -> list[NDArray[np.float32]]:
    """Shape rules, evaluation and the file that is made of a network agree with ONNX Runtime; returns its outputs."""
    numbers = numbers_of(network) if numbers is None else numbers
    images = images_of(network) if images is None else images
    outputs = run(file_of(network, numbers), {"input": images})
    assert_computed(network, numbers, images, outputs)
    return outputs
