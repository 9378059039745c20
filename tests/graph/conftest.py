from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir
import pytest

from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.file import bind, write
from resnet_export.graph.folding import folded
from resnet_export.graph.interface import Interface, apply_interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights


@dataclass
class Maker:
    """Makes files without the pipeline."""

    raw_topology: Callable[[str, ResNetSpec], ir.Model]
    trained: Callable[..., Weights]
    folder: Path

    def model(
        self, spec: ResNetSpec, interface: Interface | None = None, framework: str = "torch"
    ) -> tuple[ir.Model, Metadata]:
        """A finished graph with its metadata."""
        interface = interface or Interface()
        weights = self.trained(spec)
        preprocessing = Preprocessing.default(spec.in_channels, spec.image_size)
        model = canonicalise(self.raw_topology(framework, spec), spec)
        apply_interface(model, spec, interface, preprocessing)
        bind(model, folded(weights))
        return model, Metadata(spec, interface, preprocessing, weights.digest, initializers_digest(model))

    def file(self, spec: ResNetSpec, interface: Interface | None = None, framework: str = "torch") -> Path:
        """The same, written."""
        model, metadata = self.model(spec, interface, framework)
        path = self.folder / "model.onnx"
        write(model, path, metadata)
        return path


@pytest.fixture
def make(raw_topology: Callable[[str, ResNetSpec], ir.Model], trained: Callable[..., Weights], tmp_path: Path) -> Maker:
    return Maker(raw_topology, trained, tmp_path)
