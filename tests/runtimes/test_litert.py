from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import MissingDependencyError, ModelError, NotApplicableError
from resnet_export.runtimes import find, open_session

from .agreement import ROUNDING, difference, differences, images_for, reference

if TYPE_CHECKING:
    from pathlib import Path


def test_every_batch(plain: Path) -> None:
    assert max(differences("litert", plain)) < ROUNDING


@pytest.mark.parametrize("other_network", ["tiny"], indirect=True)
def test_other_networks(other_network: Path) -> None:
    assert max(differences("litert", other_network)) < ROUNDING


@pytest.mark.parametrize("variant", ["nhwc uint8", "probabilities"], indirect=True)
def test_it_takes_normalised_images_and_gives_logits_whatever_the_file_does(variant: Path, plain: Path) -> None:
    images = images_for(plain, 2)
    with open_session("litert,threads=1", variant) as session:
        assert not session.takes_file_input
        assert difference(session.run(images), reference(plain).run(None, {"input": images})[0]) < ROUNDING


@pytest.mark.parametrize("variant", ["embedding"], indirect=True)
def test_a_file_without_a_classifier(variant: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"has no fc\.weight"):
        open_session("litert", variant)


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"bad\.onnx is no ONNX file"):
        open_session("litert", tmp_path / "bad.onnx")


def test_check() -> None:
    assert re.fullmatch(r"litert \d+\.\d+\.\d+, CPU", find("litert").check())


def test_not_installed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    for ask in (find("litert").check, lambda: open_session("litert", plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == 'Install it with: pip install "resnet-export[litert]"'
