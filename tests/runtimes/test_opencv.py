from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session

from .agreement import ROUNDING, VALUES, differences, values_differences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_every_variant_at_every_batch(variant: Path) -> None:
    assert max(differences("opencv", variant)) < ROUNDING


def test_other_networks(other_network: Path) -> None:
    assert max(differences("opencv", other_network)) < ROUNDING


@pytest.mark.parametrize("variant", ["plain", "nhwc uint8", "batch of 4", "embedding"], indirect=True)
def test_values(variant: Path) -> None:
    found = values_differences("opencv", variant)
    assert found.keys() == set(VALUES) - ({"logits"} if "embedding" in variant.name else set())
    assert max(found.values()) < ROUNDING


@pytest.mark.parametrize("images", [np.zeros((2, 32, 32, 3), "f4"), np.zeros((2, 3, 64, 64), "f4"),
                                    np.zeros((2, 3, 32, 32), "u1")])  # fmt: skip
def test_images_that_the_file_does_not_take(images: NDArray[Any], plain: Path) -> None:
    with (
        open_session("opencv", plain) as session,
        pytest.raises(RuntimeFailedError, match=r"opencv was given .* and the file takes float32 of any x 3 x 32 x 32"),
    ):
        session.run(images)


def test_threads_are_those_of_the_session_and_given_back(plain: Path) -> None:
    before = cv2.getNumThreads()
    with open_session("opencv,threads=1", plain):
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


def test_another_major_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "__version__", "4.13.0")
    with pytest.raises(MissingDependencyError, match=r"opencv is OpenCV 5 here, and 4\.13\.0 is installed") as caught:
        find("opencv").check()
    assert caught.value.hint == 'Install it with: pip install "resnet-export[opencv]"'


def test_a_bad_file(bad_file: Path) -> None:
    with pytest.raises(ModelError, match=r"opencv cannot load bad\.onnx: \w.{10,200}\.\n") as caught:
        open_session("opencv", bad_file)
    assert caught.value.message.endswith(".")


def test_check() -> None:
    assert re.fullmatch(r"opencv 5\.\d+\.\d+, CPU", find("opencv").check())


def test_not_installed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    for ask in (find("opencv").check, lambda: open_session("opencv", plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == 'Install it with: pip install "resnet-export[opencv]"'
