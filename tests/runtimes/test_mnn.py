from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session

from .agreement import ROUNDING, differences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_every_variant_at_every_batch(variant: Path) -> None:
    assert max(differences("mnn", variant)) < ROUNDING


def test_other_networks(other_network: Path) -> None:
    assert max(differences("mnn", other_network)) < ROUNDING


@pytest.mark.parametrize("images", [np.zeros((2, 32, 32, 3), "f4"), np.zeros((2, 3, 64, 64), "f4"),
                                    np.zeros((2, 3, 32, 32), "u1")])  # fmt: skip
def test_images_that_the_file_does_not_take(images: NDArray[Any], plain: Path) -> None:
    with (
        open_session("mnn", plain) as session,
        pytest.raises(RuntimeFailedError, match=r"mnn was given .* and the file takes float32 of any x 3 x 32 x 32"),
    ):
        session.run(images)


@pytest.mark.parametrize("variant", ["any size"], indirect=True)
def test_large_winograd_tiles_stay_off(variant: Path) -> None:
    # At this size MNN would choose them: the difference is then 1.7e-5.
    assert max(differences("mnn", variant, (1,), size=96)) < ROUNDING


def test_it_installs_and_calls_nothing(plain: Path) -> None:
    with open_session("mnn", plain):
        assert not [name for name in sys.modules if name.startswith(("MNN.tools", "aliyun"))]


def test_a_bad_file(bad_file: Path) -> None:
    with pytest.raises(ModelError, match=r"mnn cannot load bad\.onnx: \w.{10,200}\.\n") as caught:
        open_session("mnn", bad_file)
    assert caught.value.message.endswith(".")


def test_check() -> None:
    assert re.fullmatch(r"mnn \d+\.\d+\.\d+, CPU", find("mnn").check())


def test_not_installed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "MNN", None)
    for ask in (find("mnn").check, lambda: open_session("mnn", plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == 'Install it with: pip install "resnet-export[mnn]"'
