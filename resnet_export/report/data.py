"""`ExportReport`: everything that an export did and found, as immutable, schema-versioned data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.assumptions import Assumption
    from resnet_export.graph.interface import Interface
    from resnet_export.images import Preprocessing
    from resnet_export.parity.results import VerifyReport
    from resnet_export.spec import ResNetSpec

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""


@dataclass(frozen=True)
class ExportReport:
    """The result of an export."""

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
    """Of the file."""
    size: int
    """Of the file, in bytes."""
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

    @property
    def passed(self) -> bool | None:
        """Whether the file is the network of its source; None when that was not checked."""
        return None if self.verification is None else self.verification.passed

    @property
    def network_assumed(self) -> bool:
        """Whether some of the network had to be assumed."""
        return any(one.about == "network" for one in self.assumptions)

    def __str__(self) -> str:
        """What a terminal shows."""
        from resnet_export.report import text

        return text.render(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/report.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "path": self.path,
            "passed": self.passed,
            "framework": self.framework,
            "specification": self.spec.as_dict(),
            "interface": self.interface.as_dict(),
            "preprocessing": {**self.preprocessing.as_dict(), "origin": self.preprocessing_origin},
            "assumptions": [one.as_dict() for one in self.assumptions],
            "labels": None if self.labels is None else list(self.labels),
            "weights": {"origin": self.weights_origin, "digest": self.weights_digest},
            "file": {"sha256": self.sha256, "bytes": self.size, "nodes": dict(self.nodes)},
            "parameters": self.spec.trainable_parameters,
            "multiply_adds": self.spec.multiply_adds,
            "stages_s": dict(self.stages),
            "versions": dict(self.versions),
            "verification": None if self.verification is None else self.verification.as_dict(),
        }
