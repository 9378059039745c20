from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import pytest

from resnet_export.errors import MissingDependencyError
from resnet_export.runtimes import find, open_session

if TYPE_CHECKING:
    from pathlib import Path


def test_threads_are_those_of_the_session_and_given_back(plain: Path) -> None:
    before = cv2.getNumThreads()
    with open_session("opencv,threads=1", plain):
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


def test_another_major_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "__version__", "4.13.0")
    with pytest.raises(MissingDependencyError, match=r"opencv is OpenCV 5 here, and 4\.13\.0 is installed") as caught:
        find("opencv").probe()
    assert caught.value.hint == 'Install it with: pip install "resnet-export[opencv]"'
