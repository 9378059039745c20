"""The truth of a file beside which there is nothing else: the network that is read off its own graph."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_export.errors import ModelError
from resnet_export.graph.cut import keep_outputs
from resnet_export.graph.file import read
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.reading import Reading
from resnet_export.graph.reading import read as read_network
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, not_finite
from resnet_export.network.sizes import BATCH, Batch, described
from resnet_export.parity.reference.oracles import OWN_GRAPH, NetworkOracle
from resnet_export.parity.results import Diagnosis

TRACED = "it was traced with one image, and that 1 stands in the graph"
WEIGHTS = "Give what it was made of with --weights, such as its checkpoint: that is the truth then."
SIZES = (224, 32, 64, 28, 96, 128, 160, 192, 227, 240, 256, 288, 299, 320, 331, 384, 448, 480, 512)
"""Heights and widths at which classifiers are trained, in pixels: the usual one, then in their order."""


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
    network, numbers = found.network, found.numbers
    steps = dict(zip(found.outputs, network.outputs, strict=True))
    known = {name: steps[name] for name in others if name in steps}
    oracle = NetworkOracle(network, lambda: numbers, OWN_GRAPH, others=known, takes_raw=True, of_file=True)
    remarks += tuple(
        f"Not compared: the output {name}, which no layer makes of the image." for name in others if name not in known
    )
    compared = {found.outputs[0]: network.output, **known}
    remarks += tuple(
        f"Not checked image by image: the output {name}. Before it, the images share an axis with something else, so "
        "that one may depend on the others. It is compared for the batch as a whole."
        for name, step in compared.items()
        if network.batch is None and network.until(step).mixes_images
    )
    wrong = wrong or _merged_batch(network, compared) or _not_finite(numbers)
    return OwnGraph(oracle, taken, wrong, remarks)


def _merged_batch(network: Network, outputs: Mapping[str, str]) -> Diagnosis | None:
    """The first output whose images lie along an axis together with what was made of them."""
    for name, step in outputs.items():
        shape = network.shapes[step]
        if any(isinstance(size, Batch) and size != BATCH for size in shape):
            return Diagnosis(name, "the file", f"it works at batch 1 only: it gives {described(shape)}", TRACED)
    return None


def _not_finite(numbers: Numbers) -> Diagnosis | None:
    """The first layer with a number that is NaN or infinite."""
    for name, count in not_finite(numbers):
        layer, _, role = name.rpartition(".")
        detail = f"{count:,} of the {numbers[name].size:,} numbers of its {role} are NaN or infinite"
        return Diagnosis(layer, "the file", detail, "the training diverged, or the file was damaged")
    return None


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
            if taken.batch is None and (alone := _alone(path, fixed, outputs)) is not None:
                return alone, fixed, (), _at_batch_1_only(refused)
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


def _alone(path: Path, taken: ImageInput, outputs: tuple[str, ...]) -> Reading | None:
    """What it is for one image, of a file that can't be what it says for more."""
    try:
        return _at(path, taken, outputs, 1)
    except UnreadableError:
        return None


def _at_batch_1_only(error: UnreadableError) -> Diagnosis:
    """The node that holds the one image that a tracer saw, in a file that says that it takes any number."""
    layer, _, reason = error.message.removeprefix("Node ").partition(": ")
    return Diagnosis(layer, "the file", f"it works at batch 1 only: {reason}", TRACED)
