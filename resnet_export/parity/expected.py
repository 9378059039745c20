"""What a file should be: the network of a source, for images as the file takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_export.errors import CheckpointError, UsageError
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.reading.naming import unused
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import fold, unfolded
from resnet_export.network.match import match
from resnet_export.network.sizes import described
from resnet_export.parity.reference.oracles import MODEL_ITSELF
from resnet_export.parity.results import Diagnosis
from resnet_export.sources import Source, Trained, load
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

Image = tuple[int, int | None, int | None]
"""(channels, height, width) that a file takes; None where any are taken."""
WEIGHTS = "the specification with the weights given"
"""What the truth is beside a checkpoint of the known family."""


@dataclass(frozen=True)
class Expected:
    """The source that a file is held against."""

    trained: Trained
    """Its network takes images as the file does."""
    truth: str
    """What is evaluated in float64, in words."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What had to be assumed."""
        assumed = ", ".join(one.value for one in self.trained.assumptions)
        return (f"assumed, since {self.trained.origin} can't show it: {assumed}",) if assumed else ()

    def other_head(self, activation: Any) -> Diagnosis | None:
        """Whether source and file both make probabilities, in different ways."""
        own = self.trained.activation
        if None in (own, activation) or own == activation:
            return None
        detail = f"it makes probabilities by {activation}, and {self.trained.origin} by {own}"
        return Diagnosis(self.trained.network.output, "the file", detail, None)

    def aligned(self, metadata: Metadata) -> tuple[Network, Numbers]:
        """The network and its numbers under the names that the layers have in a file of this package.

        Raises:
            StructureError: it is another network; names the first layer that differs.
        """
        network, numbers = self.trained.network, self.trained.numbers
        if metadata.spec is not None and self.trained.spec is not None:
            return network, numbers  # both have the specification's names
        found, wanted = unfolded(metadata.canonical), unfolded(fold(network))
        if found == wanted:
            return network, numbers
        names = match(found, wanted)
        taken = set(names.values())
        names |= {name: unused(name, taken) for name in network.step.keys() & taken if name not in names}
        renamed = network.renamed(names)
        return renamed, {new: numbers[old] for new, old in zip(renamed.parameters, network.parameters, strict=True)}

    def others(self, given: Sequence[str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """(which steps give the outputs of a foreign file, a note for each output that only one of the two has)."""
        origin = self.trained.origin
        steps = dict(zip(self.trained.outputs[1:], self.trained.network.outputs[1:], strict=True))
        if len(given) == len(steps) and not set(given) <= set(steps):
            return dict(zip(given, steps.values(), strict=True)), ()
        surplus, absent = (name for name in given if name not in steps), (name for name in steps if name not in given)
        alone = [f"Not compared: the output {name}, which {origin} does not give." for name in surplus]
        alone += [f"Not compared: the output {name} of {origin}, which the file does not give." for name in absent]
        return {name: steps[name] for name in given if name in steps}, tuple(alone)


def expected_of(source: Source, image: Image, path: Path, assumed: Mapping[str, Any] | None = None) -> Expected:
    """Reads the source that a file is held against, for the images that this takes.

    `assumed` are fields of `ResNetSpec` to take for granted where a checkpoint doesn't show them.

    Raises:
        CheckpointError: it cannot be read, or takes images of another size.
        InputError: a model cannot be traced, or has an operator that is not read.
        UsageError: it is of another kind.
    """
    trained = _loaded(source, image, assumed)
    return Expected(_resized(trained, image, path), _truth(source, trained))


def _loaded(source: Source, image: Image, assumed: Mapping[str, Any] | None) -> Trained:
    """The source for images of the file's size; an `.onnx` file of a fixed size for images of its own."""
    _, height, width = image
    if isinstance(source, Weights | ResNetSpec):
        return load(source, assumed=assumed, compared=True)
    size = height if height == width else (height, width)
    try:
        return load(source, assumed=assumed, compared=True, image_size=size)
    except UsageError:
        if size == height and not str(source).lower().endswith(".onnx"):
            raise
        return load(source, assumed=assumed, compared=True)


def _truth(source: Source, trained: Trained) -> str:
    if trained.path is not None:
        return f"the network of {Path(trained.path).name}"
    if trained.model is not None:
        return f"the network of {trained.origin}" if isinstance(source, str | Path) else MODEL_ITSELF
    return WEIGHTS


def _resized(trained: Trained, image: Image, path: Path) -> Trained:
    """The same layers for images of the file's height and width."""
    channels, *own = trained.network.image
    height, width = (given or mine for given, mine in zip(image[1:], own, strict=True))
    network = replace(trained.network, image=(channels, height, width))
    try:
        same = network.shapes[network.output][1:] == trained.network.shapes[network.output][1:]
    except ValueError:
        same = False
    if not same:
        raise CheckpointError(
            f"{trained.origin} takes images of {described(trained.network.image)}, and {path.name} takes "
            f"{described(network.image)}.",
            hint="Give the source that the file was made of.",
        )
    return replace(trained, network=network)
