"""A live model -> a trained network: traced, read, and recognised where it is of a known family."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from resnet_export.assumptions import Assumption, about_image_size
from resnet_export.convert import Topology
from resnet_export.errors import CheckpointError, InputError
from resnet_export.graph.foreign import ACTIVATIONS
from resnet_export.graph.interface import Activation
from resnet_export.graph.reading import Reading, read
from resnet_export.live import LiveModel
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.sizes import described, height_and_width
from resnet_export.sources.configurations import of_live
from resnet_export.sources.recognition import recognise, refuse_contradiction, wrong_side
from resnet_export.sources.trained import Image, Trained, refuse_unfit
from resnet_export.spec import IMAGE_SIZES
from resnet_export.weights import Weights

NO_LAYER = "which no layer makes of the image"
"""Why an output is left out."""


def of_model(
    model: LiveModel, origin: str, asked: Mapping[str, Any], said: Mapping[str, Any] = MappingProxyType({})
) -> Trained:
    """Traces a live model and reads its network.

    `asked` are `image_size`, and fields of `ResNetSpec` that the network is claimed to have; `said` is what its
    checkpoint says of the preparation of pictures, see `of_live`.

    Raises:
        InputError: it can't be traced, or has an operator that is not read.
        CheckpointError: it is another network than was asked for, or has numbers that are not finite.
    """
    image, assumed = _image(model, asked)
    topology = _traced(model, image, asked.get("in_channels"), origin)
    reading = read(topology.graph, image, topology.parameters)

    def read_at(image: Image) -> Reading:
        traced = model.trace(image)
        return read(traced.graph, image, traced.parameters)

    positions = positions_of(reading, [value.name or "" for value in topology.graph.graph.outputs])
    return of_reading(
        reading, origin, asked, assumed, model=model, outputs=tuple(topology.outputs[at] for at in positions),
        positions=positions, same_at=partial(is_same, reading, read_at),
        preprocessing=of_live({**model.configuration(), **said}, image[0], min(image[1:])),
        left_out={name: NO_LAYER for at, name in enumerate(topology.outputs) if at not in positions},
    )  # fmt: skip


def is_same(reading: Reading, read_at: Callable[[Image], Reading], image: Image) -> bool:
    """Whether what is read for images of another size is what was read, step by step and number by number."""
    try:
        other = read_at(image)
    except InputError:  # the model doesn't run on them, or can't be traced or read
        return False
    return (
        other.network.steps == reading.network.steps
        and other.network.outputs == reading.network.outputs
        and all(np.array_equal(array, other.numbers[name]) for name, array in reading.numbers.items())
    )


def positions_of(reading: Reading, names: Sequence[str]) -> tuple[int, ...]:
    """Which of a graph's outputs, by their names, those of the network are that was read off it."""
    found: list[int] = []
    for name in reading.outputs:
        found.append(names.index(name, found[-1] + 1 if found else 0))
    return tuple(found)


def of_reading(
    reading: Reading,
    origin: str,
    asked: Mapping[str, Any],
    assumptions: tuple[Assumption, ...],
    *,
    cut: Activation | None = None,
    whole: bool = False,
    **known: Any,
) -> Trained:
    """A trained network of what was read off a graph; `asked` are the fields that it is claimed to have.

    `cut` is what the source makes of the logits, where the graph was read up to these alone. With `whole`, outputs have
    any shape. `known` are further fields of `Trained`.

    Raises:
        CheckpointError: it is another network than was asked for, or has numbers that are not finite.
        InputError: its output is no vector of classes.
    """
    network, activation = (reading.network, cut) if cut is not None else _without_activation(reading.network)
    shape = network.shapes[network.output]
    if len(shape) != 2 and not whole:
        hint = "Pass the model that ends with its classifier; a backbone alone has none."
        if len(shape) == 1:
            hint = "Return the one logit of each image as (batch, 1): leave the squeeze to the training."
        elif len(network.outputs) > 1:
            hint = f"That is the first of {len(network.outputs)} outputs: let the model give its logits first."
        raise InputError(
            f"{origin} gives {described(shape)} for a batch of images, and a classifier gives (batch, classes).",
            hint=hint,
        )
    numbers: Numbers = {name: reading.numbers[name] for name in network.parameters}
    refuse_unfit(numbers, origin)
    spec, names = recognise(network)
    shown = reading.shown
    refuse_contradiction(network, spec, asked, origin, lambda: wrong_side(reading, known.get("model"), origin))
    if spec is not None:
        renamed = network.renamed(names)
        tensors = {new: numbers[old] for new, old in zip(renamed.parameters, network.parameters, strict=True)}
        network, numbers = spec.network, Weights(spec, tensors, origin=origin, assumptions=assumptions)
        shown = {place: seen._replace(step=names[seen.step]) for place, seen in shown.items() if seen.step in names}
    return Trained(network, numbers, spec, origin, assumptions, activation=activation, shown=shown, **known)


def _image(model: LiveModel, asked: Mapping[str, Any]) -> tuple[tuple[int, int, int], tuple[Assumption, ...]]:
    """(the image that the model takes, what had to be assumed of it)."""
    channels, height, width = model.image()
    size = asked.get("image_size")
    if size is not None:
        height, width = height_and_width(size)
    channels = asked.get("in_channels") or channels or 3
    if height is not None and width is not None:
        return (channels, height, width), ()
    usual = model.usual_size() or IMAGE_SIZES["imagenet"]
    return (channels, usual, usual), (about_image_size(usual),)


def _traced(model: LiveModel, image: Image, asked: int | None, origin: str) -> Topology:
    """The model's structure; where it fails, the number of channels that was asked for, or guessed, may be wrong."""
    shown, taken = model.image()[0], image[0]
    try:
        return model.trace(image)
    except InputError as error:
        if asked is None and model.framework == "torch":
            known = "a guess" if shown is None else "those of its first layer"
            hint = f"{taken} channels are {known}: others are given with in_channels (--in-channels)."
            raise InputError(error.message, hint=f"{error.hint or ''} {hint}".strip()) from error
        if None in (shown, asked) or shown == asked:
            raise
        raise CheckpointError(
            f"in_channels {asked} was asked for, and {origin} has {shown}.", hint="Leave in_channels out."
        ) from error


def _without_activation(network: Network) -> tuple[Network, Activation | None]:
    """(the network up to its logits, what made probabilities of them)."""
    last = network.step[network.output]
    if last.op not in ACTIVATIONS or len(network.shapes[last.name]) != 2 or last.inputs[0] not in network.step:
        return network, None
    if last.op == "Softmax" and network.classes == 1:  # it gives 1 whatever the logit is, and no head of a file does
        return network, None
    return network.until(last.inputs[0], *network.outputs[1:]), ACTIVATIONS[last.op]
