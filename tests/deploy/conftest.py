from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.classify.files import LABELS, ours

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A file that says all of itself."""
    return ours(tmp_path / "net.onnx", labels=LABELS)
