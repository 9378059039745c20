"""The truth of a file beside which there is nothing else: the network that is read off its own graph.

Of a file of reduced precision that is with its rounding and its ranges, and what these do to each layer is a note:

    SQNR = 10 log10( sum x^2 / sum (q - x)^2 )      in decibel

x is the output of a layer of the network with the file's own numbers, and q what the file's graph gives there. Both
begin with the same images.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx_ir as ir

from resnet_export.errors import ModelError
from resnet_export.graph.cut import keep_outputs
from resnet_export.graph.file import read
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.reading import Reading
from resnet_export.graph.reading import read as read_network
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network import Network, Step
from resnet_export.network.evaluation import evaluate, not_finite
from resnet_export.network.operators.operator import Floats
from resnet_export.network.sizes import BATCH, Batch, described
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.reference.oracles import OWN_GRAPH, NetworkOracle
from resnet_export.parity.results import Diagnosis

TRACED = "it was traced with one image, and that 1 stands in the graph"
WEIGHTS = "Give what it was made of with --weights, such as its checkpoint: that is the truth then."
SIZES = (224, 32, 64, 28, 96, 128, 160, 192, 227, 240, 256, 288, 299, 320, 331, 384, 448, 480, 512)
"""Heights and widths at which classifiers are trained, in pixels: the usual one, then in their order."""
PREPARATION = "preprocess."
"""How the nodes that prepare pictures are called, the order of the axes among them."""
IMAGES = 2
"""Each costs two evaluations in float64; a layer has thousands of values of an image."""
MERGED = ("DequantizeLinear", "QuantizeLinear", "Relu")
LAYERS = ("Add", "Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class OwnGraph:
    """What was read of a file."""

    oracle: NetworkOracle
    taken: ImageInput
    """With the size at which it was read, where it leaves that open."""
    wrong: Diagnosis | None = None
    """What is wrong in it, seen without running it."""
    remarks: tuple[str, ...] = ()
    """What was assumed, and what can't be compared."""


def read_own_graph(path: Path, taken: ImageInput, outputs: tuple[str, ...]) -> OwnGraph:
    """Reads the network off a file, as far as it gives these values: the logits, and its other outputs.

    Raises:
        ModelError: it has an operator that is not read, or only works for images of a size that is not known.
    """
    found, taken, remarks, wrong = _read(path, taken, outputs)
    _, *others = outputs
    network, oracle = found.network, _oracle(found, others, takes_raw=True)
    remarks += tuple(
        f"Not compared: the output {name}, which no layer makes of the image."
        for name in others
        if name not in oracle.others
    )
    compared = {found.outputs[0]: network.output, **oracle.others}
    remarks += tuple(
        f"Not checked image by image: the output {name}. Before it, the images share an axis with something else, so "
        "that one may depend on the others. It is compared for the batch as a whole."
        for name, step in compared.items()
        if network.batch is None and network.until(step).mixes_images
    )
    wrong = wrong or next(_faults(found, compared), None)
    return OwnGraph(oracle, taken, wrong, remarks)


def _oracle(found: Reading, others: Sequence[str], *, takes_raw: bool) -> NetworkOracle:
    """What was read, with those of the other outputs that it gives."""
    steps = dict(zip(found.outputs, found.network.outputs, strict=True))
    known = {name: steps[name] for name in others if name in steps}
    return NetworkOracle(found.network, lambda: found.numbers, OWN_GRAPH, known, takes_raw, of_file=True)


def _faults(found: Reading, outputs: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Outputs whose images lie along an axis together with what was made of them, then numbers that are not finite."""
    for name, step in outputs.items():
        shape = found.network.shapes[step]
        if any(isinstance(size, Batch) and size != BATCH for size in shape):
            yield Diagnosis(name, "the file", f"it works at batch 1 only: it gives {described(shape)}", TRACED)
    for name, count in not_finite(found.numbers):
        layer, _, role = name.rpartition(".")
        detail = f"{count:,} of the {found.numbers[name].size:,} numbers of its {role} are NaN or infinite"
        yield Diagnosis(layer, "the file", detail, "the training diverged, or the file was damaged")


def _read(
    path: Path, taken: ImageInput, outputs: tuple[str, ...]
) -> tuple[Reading, ImageInput, tuple[str, ...], Diagnosis | None]:
    """(what was read, at which size, what was assumed, what is wrong with the batch)."""
    error: UnreadableError | None = None
    sizes = dict.fromkeys((taken.height or size, taken.width or size) for size in SIZES)
    for height, width in sizes:
        fixed = replace(taken, height=height, width=width)
        try:
            found = _at(path, fixed, outputs, taken.batch)
        except UnreadableError as refused:
            error = error or refused
            if refused.at_any_size:
                break
            if taken.batch is None:  # perhaps it can't be what it says for more than one image
                with contextlib.suppress(UnreadableError):
                    return _at(path, fixed, outputs, 1), fixed, (), _at_batch_1_only(refused)
            continue
        at_size = f"The file leaves its size open: it was checked at {height} x {width} pixels (--image-size)."
        return found, fixed, () if fixed == taken else (at_size,), None
    assert error is not None, "there is at least one size"
    message = f"{path.name} cannot be evaluated in float64: {error.message}"
    if len(sizes) > 1 and not error.at_any_size:
        raise ModelError(message, hint="If it takes one size alone, give that with --image-size.") from error
    raise ModelError(message, hint=WEIGHTS if error.message.startswith("Node ") else error.hint) from error


def _at(path: Path, taken: ImageInput, outputs: tuple[str, ...], batch: int | None) -> Reading:
    model, image = read(path), (taken.channels, taken.height or 0, taken.width or 0)
    keep_outputs(model, outputs)
    return read_network(model, image, layout=taken.layout, batch=batch, mixing=True)


def _at_batch_1_only(error: UnreadableError) -> Diagnosis:
    """The node that holds the one image that a tracer saw, in a file that says that it takes any number."""
    layer, _, reason = error.message.removeprefix("Node ").partition(": ")
    return Diagnosis(layer, "the file", f"it works at batch 1 only: {reason}", TRACED)


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
    return _oracle(found, others, takes_raw=False)


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
    noise, signal = float(np.square(found - right).sum()), max(np.square(right).sum(), np.finfo(float).tiny)
    return float("inf") if noise == 0 else 10 * float(np.log10(signal / noise))
