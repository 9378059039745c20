"""A file of reduced precision in float64: its own graph as its truth, and what the rounding does to each layer.

    SQNR = 10 log10( sum x^2 / sum (q - x)^2 )      in decibel

x is the output of a layer of the network with the file's own numbers, and q what the file's graph gives there, with its
rounding and its ranges. Both begin with the same images.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from resnet_export.errors import ModelError
from resnet_export.graph.file import read
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.reading import read as read_network
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network import Network, Step
from resnet_export.network.evaluation import evaluate
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.reference.oracles import OWN_GRAPH, NetworkOracle

PREPARATION = "preprocess."
"""How the nodes that prepare pictures are called, the order of the axes among them."""
IMAGES = 2
"""Each costs two evaluations in float64; a layer has thousands of values of an image."""
MERGED = ("DequantizeLinear", "QuantizeLinear", "Relu")
LAYERS = ("Add", "Conv", "Gemm", "MatMul")


def read_rounded(path: Path, metadata: Metadata, others: Sequence[str]) -> NetworkOracle:
    """The network of a file with its rounding and its ranges, for pictures that are prepared already.

    Raises:
        ModelError: it can't be read.
    """
    model, image = read(path), metadata.canonical.image
    named = [node for node in model.graph if (node.name or "").startswith(PREPARATION)]
    before = [node for node in named if node.op_type not in MERGED]  # a pair of nodes is called after its value
    if before:
        taken = ir.Value(name="prepared", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([None, *image]))
        ir.convenience.replace_all_uses_with(before[-1].outputs[0], taken)
        model.graph.remove(before, safe=True)
        model.graph.inputs[0] = taken
    try:
        found = read_network(model, image, batch=metadata.interface.batch, mixing=True)
    except UnreadableError as error:
        raise ModelError(f"{path.name} cannot be evaluated in float64: {error.message}", hint=error.hint) from error
    steps = dict(zip(found.outputs, found.network.outputs, strict=True))
    known = {name: steps[name] for name in others if name in steps}
    return NetworkOracle(found.network, lambda: found.numbers, OWN_GRAPH, others=known, of_file=True)


def describe_rounding(tested: ModelUnderTest, inputs: InputSet) -> Iterator[str]:
    """A sentence on the layer that reduced precision changes the most; nothing of a file in float32."""
    if tested.exact is None or tested.wrong is not None:
        return
    images = inputs.first(IMAGES)
    exact, own = tested.exact, tested.oracle
    right = dict(_outputs(exact.network, evaluate(exact.network, exact.recall(), exact.images(images))))
    found = dict(_outputs(own.network, evaluate(own.network, own.recall(), own.images(images))))
    decibel = {name: _sqnr(value, found[name]) for name, value in right.items() if name in found}
    on = "pictures" if inputs.kind == "pictures" else "random images, which lie outside of the ranges of pictures,"
    if decibel and min(decibel.values()) < float("inf"):
        worst = min(decibel, key=decibel.__getitem__)
        yield (
            f"Against the network without rounding of its values, the layer with the lowest SQNR on {on} is {worst}: "
            f"{decibel[worst]:.1f} dB; the last one has {list(decibel.values())[-1]:.1f} dB."
        )


def _outputs(network: Network, steps: Iterator[tuple[Step, Floats]]) -> Iterator[tuple[str, Floats]]:
    """(layer, its output past the ReLU, the rounding and the range that are merged with it in one of the two)."""
    layer_of: dict[str, str] = {}
    for step, value in steps:
        before = layer_of.get(step.inputs[0])
        if step.op in LAYERS:
            layer_of[step.name] = step.name
        elif step.op in MERGED and before is not None:
            layer_of[step.name] = before
        else:
            continue
        if not any(user.op in MERGED for user in network.users.get(step.name, ())):
            yield layer_of[step.name], value


def _sqnr(right: Floats, found: Floats) -> float:
    noise = float(np.square(found - right).sum())
    return (
        float("inf") if noise == 0 else 10 * float(np.log10(max(np.square(right).sum(), np.finfo(float).tiny) / noise))
    )
