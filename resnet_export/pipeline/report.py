"""`ExportReport`: everything that an export did and found, as immutable, schema-versioned data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from resnet_export.assumptions import Assumption
from resnet_export.data import Plain
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.parity.results import VerifyReport
from resnet_export.spec import ResNetSpec


@dataclass(frozen=True)
class ExportReport(Plain):
    """The result of an export."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed", "parameters", "multiply_adds")

    path: str
    """Where the file is; where it would have been, when the export was refused."""
    framework: str
    spec: ResNetSpec
    interface: Interface
    preprocessing: Preprocessing
    preprocessing_origin: str
    """Where mean, std, resize and interpolation come from."""
    weights_origin: str
    """The checkpoint's name, or how the weights were drawn."""
    weights_digest: str
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
    schema_version: int = 2

    @property
    def passed(self) -> bool | None:
        """Whether the file is the network of its source; None when that was not checked."""
        return None if self.verification is None else self.verification.passed

    @property
    def parameters(self) -> int:
        """Trainable parameters of the network."""
        return self.spec.trainable_parameters

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image."""
        return self.spec.multiply_adds

    @property
    def network_assumed(self) -> bool:
        """Whether some of the network had to be assumed."""
        return any(one.about == "network" for one in self.assumptions)

    def __str__(self) -> str:
        """`resnet18.onnx: ResNet-18 from torch, 46,836,581 bytes`, and what the verification found."""
        checked = "not verified" if self.verification is None else str(self.verification)
        return f"{self.path}: ResNet-{self.spec.depth} from {self.framework}, {self.size:,} bytes\n{checked}"
