"""A target that imports nothing."""

from __future__ import annotations

import sys


class Light:
    def __init__(self, report: object) -> None:
        pass

    def modules(self) -> list[str]:
        return list(sys.modules)
