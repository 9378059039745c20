from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import ModelError, NotApplicableError
from resnet_export.runtimes import open_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("variant", ["embedding"], indirect=True)
def test_a_file_without_a_classifier(variant: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"has no fc\.weight"):
        open_session("litert", variant)


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"bad\.onnx is no ONNX file"):
        open_session("litert", tmp_path / "bad.onnx")
