from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import ModelError
from resnet_export.runtimes import open_session
from tests.classify.files import in_float16

from .agreement import ROUNDING, differences

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("variant", ["any size"], indirect=True)
def test_large_winograd_tiles_stay_off(variant: Path) -> None:
    # At this size MNN would choose them: the difference is then 1.7e-5.
    assert max(differences("mnn", variant, (1,), size=96)) < ROUNDING


def test_it_installs_and_calls_nothing(plain: Path) -> None:
    with open_session("mnn", plain):
        assert not [name for name in sys.modules if name.startswith(("MNN.tools", "aliyun"))]


def test_images_in_float16_are_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mnn cannot load half\.onnx: it takes float16 images"):
        open_session("mnn", in_float16(plain, tmp_path / "half.onnx"))
