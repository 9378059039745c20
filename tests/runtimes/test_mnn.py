from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from resnet_export.runtimes import open_session

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
