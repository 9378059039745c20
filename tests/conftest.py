"""Fixtures that all tests share."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from sklearn.datasets import load_sample_images

from resnet_export import export
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export import ExportReport
    from resnet_export.convert import Topology

# A busy or slow machine fails no test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def tiny() -> ResNetSpec:
    """The smallest network worth testing with: ResNet-18 with 8 channels for images of 32 x 32."""
    return ResNetSpec(depth=18, width=8, num_classes=10, image_size=32, stem="cifar")


@pytest.fixture(scope="session")
def small() -> ResNetSpec:
    """Like `tiny`, with the stem of ImageNet: all seven operators."""
    return ResNetSpec(depth=18, width=8, num_classes=10, image_size=32)


@pytest.fixture(scope="session")
def bottlenecks() -> ResNetSpec:
    """ResNet-50 with 4 channels: three convolutions a block, and a projection at stride 1."""
    return ResNetSpec(depth=50, width=4, num_classes=10, image_size=32)


@pytest.fixture(scope="session")
def trained() -> Callable[..., Weights]:
    """`trained(spec, seed)`: weights of usual sizes, no two batch norms alike, as after a training."""

    @cache
    def draw(spec: ResNetSpec, seed: int = 0) -> Weights:
        return Weights(spec, trained_like(spec, seed))

    return draw


@pytest.fixture(scope="session")
def raw_topology(trained: Callable[..., Weights]) -> Callable[[str, ResNetSpec], Topology]:
    """`raw_topology(framework, spec)`: what the converter makes of the trained definition; traced once a session.

    The graph is a fresh copy.
    """

    @cache
    def traced(framework: str, spec: ResNetSpec) -> tuple[bytes, Topology]:
        definition = importlib.import_module(f"resnet_export.models.{framework}")
        model = definition.build(spec)
        definition.load(model, trained(spec))
        topology = importlib.import_module(f"resnet_export.convert.{framework}").trace(model, spec.network.image)
        return ir.to_proto(topology.graph).SerializeToString(), topology

    def copied(framework: str, spec: ResNetSpec) -> Topology:
        content, topology = traced(framework, spec)
        return replace(topology, graph=ir.from_proto(onnx.load_from_string(content)))

    return copied


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs, as JPEG files."""
    folder = tmp_path_factory.mktemp("photos")
    for name, pixels in zip(("china", "flower"), load_sample_images().images, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.jpg")
    return folder


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders that behave as badly as the names of the pictures say."""
    root = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    monkeypatch.setattr("resnet_export.classify.decoder.TARGET", "tests.classify.crashing:Crashing")


@dataclass
class Exported:
    """An export and what it came from."""

    weights: Weights
    checkpoint: Path
    path: Path
    report: ExportReport


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory, small: ResNetSpec, trained: Callable[..., Weights], photos: Path
) -> Exported:
    """A checkpoint, exported through PyTorch and checked on photographs."""
    folder = tmp_path_factory.mktemp("exported")
    weights = trained(small)
    weights.save(folder / "trained.pth")
    path = folder / "net.onnx"
    report = export(folder / "trained.pth", path, framework="torch", image_size=32, images=photos)
    return Exported(weights, folder / "trained.pth", path, report)
