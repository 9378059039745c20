from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir
import pytest

from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind, write
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.network.folding import folded_numbers
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights


@dataclass
class Maker:
    """Makes files without the pipeline."""

    trained: Callable[..., Weights]
    folder: Path

    def model(self, spec: ResNetSpec, interface: Interface | None = None) -> tuple[ir.Model, Metadata]:
        """A finished graph with its metadata."""
        interface = interface or Interface()
        weights = self.trained(spec)
        preprocessing = Preprocessing.default(spec.in_channels, spec.image_size)
        model = build_graph(spec.canonical, interface, preprocessing, name=f"resnet{spec.depth}")
        bind(model, dict(folded_numbers(spec.canonical, weights)))
        return model, Metadata(spec, None, interface, preprocessing, weights.digest, initializers_digest(model))

    def file(self, spec: ResNetSpec, interface: Interface | None = None) -> Path:
        """The same, written."""
        model, metadata = self.model(spec, interface)
        path = self.folder / "model.onnx"
        write(model, path, metadata)
        return path


@pytest.fixture
def make(trained: Callable[..., Weights], tmp_path: Path) -> Maker:
    return Maker(trained, tmp_path)
