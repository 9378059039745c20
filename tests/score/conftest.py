from __future__ import annotations

from pathlib import Path

import pytest

from tests.classify.files import LABELS, ours


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small classifier, in a folder of its own that is the current one."""
    monkeypatch.chdir(tmp_path)
    return ours(Path("net.onnx"), labels=LABELS)
