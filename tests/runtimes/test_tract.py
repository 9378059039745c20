from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.runtimes.options import NoOptions
from resnet_export.runtimes.tract import TractSession

from .agreement import images_for

if TYPE_CHECKING:
    from pathlib import Path


def test_it_compiles_once_for_every_shape(plain: Path) -> None:
    with TractSession(plain, NoOptions()) as session:
        for batch in (1, 2, 1, 2):
            session.run(images_for(plain, batch))
        assert set(session._compiled) == {(1, 3, 32, 32), (2, 3, 32, 32)}
