"""`ExportReport`: everything that an export did and found, as immutable, schema-versioned data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from resnet_export.assumptions import Assumption
from resnet_export.data import Plain
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.network import Network
from resnet_export.network.folding import classifier_of
from resnet_export.parity.results import VerifyReport
from resnet_export.spec import ResNetSpec


@dataclass(frozen=True)
class NetworkFacts:
    """What people want to know of a network."""

    image: tuple[int, int, int]
    """(channels, height, width) of its images."""
    classes: int
    """Length of the logits."""
    features: int | None
    """Length of the embedding; None where no classifier takes one."""
    parameters: int
    """Trainable parameters."""
    multiply_adds: int
    """For one image."""

    @classmethod
    def of(cls, network: Network) -> Self:
        """Those of a network, before its batch norms are folded."""
        classifier = classifier_of(network)
        features = None if classifier is None else classifier.parameters["weight"][1]
        return cls(network.image, network.classes, features, network.trainable_parameters, network.multiply_adds)


@dataclass(frozen=True)
class ExportReport(Plain):
    """The result of an export."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed", "parameters", "multiply_adds")

    path: str
    """Where the file is; where it would have been, when the export was refused."""
    framework: str
    """`torch` or `keras`; `onnx` where the network was read from a file of that format."""
    title: str
    """`ResNet-18`, or the model's class."""
    spec: ResNetSpec | None
    """None where the network is of no known family."""
    interface: Interface
    preprocessing: Preprocessing
    preprocessing_origin: str
    """Where mean, std, resize and interpolation come from."""
    weights_origin: str
    """The checkpoint's name, or how the weights were drawn."""
    weights_digest: str
    network: NetworkFacts
    proof: str
    """What the truth is: `the specification`, `the model itself` or `the file's own graph`."""
    sha256: str
    """SHA-256 of the file; empty when the export was refused before it was written."""
    size: int
    """Bytes of the file."""
    nodes: Mapping[str, int]
    """Operator -> how many nodes of the file have it."""
    stages: Mapping[str, float]
    """Stage -> seconds."""
    versions: Mapping[str, str]
    """Package -> version, of those that took part."""
    verification: VerifyReport | None
    """None when it was left out on request."""
    assumptions: tuple[Assumption, ...] = ()
    """What was taken for granted, since the source can't show it."""
    labels: tuple[str, ...] | None = None
    """Names of the classes, where they were given."""
    outputs: tuple[str, ...] = ()
    """Names of the file's outputs; the first is what classifies."""
    schema_version: int = 3

    @property
    def passed(self) -> bool | None:
        """Whether the file is the network of its source; None when that was not checked."""
        return None if self.verification is None else self.verification.passed

    @property
    def parameters(self) -> int:
        """Trainable parameters of the network."""
        return self.network.parameters

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image."""
        return self.network.multiply_adds

    @property
    def network_assumed(self) -> bool:
        """Whether some of the network had to be assumed."""
        return any(one.about == "network" for one in self.assumptions)

    def __str__(self) -> str:
        """`resnet18.onnx: ResNet-18 from torch, 46,836,581 bytes`, what was assumed, and what the check found."""
        checked = "not verified" if self.verification is None else str(self.verification)
        assumed = f"assumed: {', '.join(map(str, self.assumptions))}" if self.assumptions else ""
        title = f"{self.path}: {self.title} from {self.framework}, {self.size:,} bytes"
        return "\n".join(filter(None, (title, assumed, checked)))
