from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session
from resnet_export.runtimes.tract import TractSession

from .agreement import ROUNDING, VALUES, differences, images_for, values_differences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_every_variant_at_every_batch(variant: Path) -> None:
    assert max(differences("tract", variant)) < ROUNDING


def test_other_networks(other_network: Path) -> None:
    assert max(differences("tract", other_network)) < ROUNDING


@pytest.mark.parametrize("variant", ["plain", "nhwc uint8", "batch of 4", "embedding"], indirect=True)
def test_values(variant: Path) -> None:
    found = values_differences("tract", variant)
    assert found.keys() == set(VALUES) - ({"logits"} if "embedding" in variant.name else set())
    assert max(found.values()) < ROUNDING


@pytest.mark.parametrize("images", [np.zeros((2, 32, 32, 3), "f4"), np.zeros((2, 3, 64, 64), "f4"),
                                    np.zeros((2, 3, 32, 32), "u1")])  # fmt: skip
def test_images_that_the_file_does_not_take(images: NDArray[Any], plain: Path) -> None:
    with (
        open_session("tract", plain) as session,
        pytest.raises(RuntimeFailedError, match=r"tract was given .* and the file takes float32 of any x 3 x 32 x 32"),
    ):
        session.run(images)


def test_it_compiles_once_for_every_shape(plain: Path) -> None:
    with TractSession(plain) as session:
        for batch in (1, 2, 1, 2):
            session.run(images_for(plain, batch))
        assert set(session._compiled) == {(1, 3, 32, 32), (2, 3, 32, 32)}


def test_a_bad_file(bad_file: Path) -> None:
    with pytest.raises(ModelError, match=r"tract cannot load bad\.onnx: \w.{10,200}\.\n") as caught:
        open_session("tract", bad_file)
    assert caught.value.message.endswith(".")


def test_check() -> None:
    assert re.fullmatch(r"tract \d+\.\d+\.\d+, CPU", find("tract").check())


def test_not_installed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tract", None)
    for ask in (find("tract").check, lambda: open_session("tract", plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == 'Install it with: pip install "resnet-export[tract]"'
