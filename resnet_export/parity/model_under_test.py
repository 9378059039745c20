"""What is verified: a file, what it takes and gives, and where its truth comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.interface import Activation, Head
from resnet_export.images import Preprocessing
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import fold, unfolded
from resnet_export.parity.diagnosis.contents import check_contents
from resnet_export.parity.gate.inputs import image_input_of
from resnet_export.parity.reference.oracles import OWN_GRAPH, NetworkOracle
from resnet_export.parity.results import Diagnosis, Quantity
from resnet_export.runtimes.session import Precision
from resnet_export.sources import Trained


@dataclass(frozen=True)
class ModelUnderTest:
    """A file to be verified."""

    path: Path
    taken: ImageInput
    preprocessing: Preprocessing
    given: Quantity
    """What its first output is."""
    logits_path: Path | None
    """A copy that ends with the logits, where the first output is probabilities."""
    activation: Activation | None
    """What makes these of the logits."""
    oracle: NetworkOracle
    canonical: bool
    """Whether its values are named after the specification."""
    precision: Precision = "float32"
    """In what its numbers are stored: less than float32 in a half-precision or quantised file."""
    wrong: Diagnosis | None = None
    """What is wrong in it, seen without running it."""
    change: str | None = None
    """What another tool made of a file of ours."""
    remarks: tuple[str, ...] = ()
    """What was assumed, and what can't be compared."""
    source: Trained | None = None
    """What the truth was read from, where that is not the file."""
    exact: NetworkOracle | None = None
    """Of a file of reduced precision that is held against its own graph, the network without the rounding of values."""

    def notes(self, *, pictures: bool) -> list[str]:
        """What a reader has to know about a file that does not say it itself."""
        found = []
        if self.change is not None:
            found.append(f"Another tool changed the file after its export: it was {self.change}.")
        if self.oracle.description == OWN_GRAPH and self.exact is None:
            found.append(
                "The file was held against its own graph: that the runtimes compute it right is checked, "
                "and not which network it is. Give its checkpoint with --weights."
            )
        if pictures and not self.canonical and self.change is None and self.exact is None:
            usual = Preprocessing.default(self.taken.channels, self.preprocessing.crop)
            whose = "ImageNet's" if self.preprocessing == usual else "its source says"
            found.append(f"The file does not say how pictures are prepared: they are prepared as {whose}.")
        return [*found, *self.remarks]

    @property
    def compared(self) -> Quantity:
        """What is compared of its first output: probabilities are held against its own logits."""
        return "logits" if self.given == "probabilities" else self.given

    @property
    def others(self) -> tuple[str, ...]:
        """The outputs behind the first that are compared."""
        return tuple(self.oracle.others)


def canonical_model(
    path: Path,
    recall: Callable[[], Numbers] | None,
    network: Network | None = None,
    proof: str | None = None,
    others: Sequence[str] = (),
    mismatch: Diagnosis | None = None,
) -> ModelUnderTest:
    """Describes a file that this package wrote.

    Args:
        path: where it is.
        recall: loads the weights that it should hold; None checks it against its own numbers.
        network: the one that these belong to, before batch norms are folded; None for that of the file's metadata.
        proof: what the truth is, in words; None for the file's own numbers.
        others: the names of the file's outputs behind the first.
        mismatch: where the file's network is not `network`, so that its numbers can't be compared.
    """
    if network is None or mismatch is not None:
        metadata, numbers, wrong = check_contents(path, recall if mismatch is None else None)
    else:
        metadata, numbers, wrong = check_contents(path, recall, fold(network))
    interface, canonical = metadata.interface, metadata.canonical
    network = network or unfolded(canonical)
    kind = "network" if metadata.spec is None else "specification"
    return ModelUnderTest(
        path=path,
        taken=image_input_of(canonical, interface),
        preprocessing=metadata.preprocessing,
        given=quantity_of(interface.head),
        logits_path=None,
        activation=interface.activation_of(canonical.classes),
        oracle=NetworkOracle(
            network,
            recall or (lambda: numbers),
            proof or f"the {kind} with the file's own numbers",
            others=dict(zip(others, network.outputs[1:], strict=False)),
        ),
        canonical=True,
        wrong=wrong or mismatch,
    )


def quantity_of(head: Head) -> Quantity:
    """What a file with that head gives."""
    return "probabilities" if head == "sigmoid" else head
