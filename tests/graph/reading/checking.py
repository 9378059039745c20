"""What is read of a graph, and what is written of that, against ONNX Runtime's run of the graph itself."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import onnxruntime

from resnet_export.errors import UsageError
from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind
from resnet_export.graph.interface import Interface
from resnet_export.graph.reading import Reading, read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.images import Preprocessing
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.folding import fold, folded_numbers
from tests.graph.reading.random_operators import KINDS, random_classifier

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from tests.graph.reading.random_operators import Operator

FLOOR = 8 * 2.0**-24
"""As in the gate: units of float32 rounding, here also of the values on the way, which are about 1."""
FACTOR = 8
"""As in the gate, between two float32 evaluations."""


def run(model: onnx.ModelProto, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The outputs of a model in ONNX Runtime, which leaves the graph as it is."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})


def check(seed: Random, kinds: tuple[Operator, ...] = KINDS) -> str:
    """Checks one random graph of these kinds of nodes; gives `read`, or who refuses it and why.

    Raises:
        AssertionError: what is read or written is another network.
    """
    model, image, batch = random_classifier(seed, kinds)
    images = np.random.default_rng(seed.getrandbits(32)).standard_normal((2, *image)).astype(np.float32)
    try:
        expected = run(model, images)
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument as error:  # such as a pool over nothing
        return f"ONNX Runtime refuses it: {error}"
    try:
        reading = read(ir.from_proto(model), image, batch=batch)
    except UnreadableError as error:
        reason = error
    else:
        reason = None
    if reason is not None:
        assert reason.hint
        assert reason.message.startswith(("Node ", "The output "))
        return reason.message
    names = [value.name for value in model.graph.output]
    assert_equal(reading, images, [expected[names.index(name)] for name in reading.outputs], "the reading")
    assert_equal(reading, images, run(written(reading, seed.randint(13, 21)), images), "the written file")
    return "read"


def written(reading: Reading, opset: int) -> onnx.ModelProto:
    """The file of what was read, at the opset or at the first later one that has its operators."""
    network, interface = fold(reading.network), Interface(opset=opset)
    preprocessing = Preprocessing.default(network.image[0], 8)
    try:
        graph = build_graph(network, interface, preprocessing, name="random", outputs=reading.outputs[1:])
    except UsageError as error:
        needed = int(error.hint.removeprefix("Give --opset ").rstrip("."))
        return written(reading, max(needed, opset + 1))
    bind(graph, dict(folded_numbers(network, reading.numbers)))
    return ir.to_proto(graph)


def assert_equal(reading: Reading, images: NDArray[np.float32], found: list[NDArray[np.float32]], what: str) -> None:
    """Holds float32 outputs against the network in float64, as the gate does."""
    network, numbers = reading.network, reading.numbers
    truth = outputs_of(network, numbers, images, network.outputs)
    rounded = outputs_of(network, numbers, images, network.outputs, np.float32)
    for name, exact, single, output in zip(network.outputs, truth, rounded, found, strict=True):
        assert output.shape == exact.shape, f"{what}: {name} is {output.shape} and not {exact.shape}"
        allowed = FACTOR * max(np.abs(single - exact).max(), FLOOR * max(1, np.abs(exact).max()))
        error = np.abs(output - exact).max()
        assert error <= allowed, f"{what}: {name} is off by {error:.3g}, and {allowed:.3g} is allowed"
