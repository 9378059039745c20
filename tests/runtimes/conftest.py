from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import onnx
import pytest

from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind, write
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.network.folding import folded_numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "nhwc": {"layout": "nhwc"},
    "uint8": {"preprocess": "uint8"},
    "nhwc uint8": {"layout": "nhwc", "preprocess": "uint8"},
    "probabilities": {"head": "probabilities"},
    "embedding": {"head": "embedding"},
    "batch of 4": {"batch": 4},
    "any size": {"dynamic_size": True},
    "opset 13": {"opset": 13},
    "opset 26": {"opset": 26},
}
"""Every way in which a file can be called."""


@pytest.fixture(scope="session")
def canonical_file(
    trained: Callable[..., Weights],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[ResNetSpec, str], Path]:
    """`canonical_file(spec, variant)`: written once a session."""

    @cache
    def made(spec: ResNetSpec, variant: str = "plain") -> Path:
        interface, weights = Interface(**VARIANTS[variant]), trained(spec)
        preprocessing = Preprocessing.default(spec.in_channels, spec.image_size)
        model = build_graph(spec.canonical, interface, preprocessing, name="resnet")
        bind(model, dict(folded_numbers(spec.canonical, weights)))
        path = tmp_path_factory.mktemp("files") / f"{variant}.onnx"
        write(model, path, Metadata(spec, None, interface, preprocessing, weights.digest, initializers_digest(model)))
        return path

    return made


@pytest.fixture(scope="session")
def plain(canonical_file: Callable[..., Path], small: ResNetSpec) -> Path:
    return canonical_file(small)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, canonical_file: Callable[..., Path], small: ResNetSpec) -> Path:
    return canonical_file(small, request.param)


@pytest.fixture(params=["text", "truncated", "unknown operator"])
def bad_file(request: pytest.FixtureRequest, plain: Path, tmp_path: Path) -> Path:
    path = tmp_path / "bad.onnx"
    if request.param == "text":
        path.write_text("hello")
    elif request.param == "truncated":
        path.write_bytes(plain.read_bytes()[:50_000])
    else:
        model = onnx.load_model(plain)
        model.graph.node[3].op_type = "NoSuchOperator"
        onnx.save_model(model, path)
    return path
