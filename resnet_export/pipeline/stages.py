"""The stages of an export: their times, and an observer that is told of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[str], AbstractContextManager[object]]
"""Entered around each stage with the stage's name."""


class Stages:
    """Times the stages, and tells an observer of them."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda name: contextlib.nullcontext())
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        start = time.perf_counter()
        with self._progress(name):
            yield
        self.seconds[name] = time.perf_counter() - start
