from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from .files import foreign, ours

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def album(tmp_path: Path, photos: Path) -> Path:
    """The two photographs, as a camera and as a screen keep them, and a file that is no picture."""
    folder = tmp_path / "album"
    folder.mkdir()
    shutil.copy(photos / "china.jpg", folder / "china.jpg")
    Image.open(photos / "flower.jpg").save(folder / "flower.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A file that says all of itself."""
    return ours(tmp_path / "net.onnx")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file of another tool, which says nothing."""
    return foreign(tmp_path / "other.onnx")
