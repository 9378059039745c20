from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from resnet_export.graph.file import write as write_model
from resnet_export.graph.interface import Interface
from tests.graph.conftest import Maker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights


class Write(Protocol):
    """Writes a file of ours: `write(spec, "a.onnx", layout="nhwc")`."""

    def __call__(self, spec: ResNetSpec, name: str = "ours.onnx", /, **interface: Any) -> Path: ...


@pytest.fixture
def write(trained: Callable[..., Weights], tmp_path: Path) -> Write:
    def written(spec: ResNetSpec, name: str = "ours.onnx", /, **interface: Any) -> Path:
        model, metadata = Maker(trained, tmp_path).model(spec, Interface(**interface))
        write_model(model, tmp_path / name, metadata)
        return tmp_path / name

    return written
