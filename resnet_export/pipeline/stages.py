"""The stages of an export: how long each takes, and an observer that sees it pass."""

import contextlib
import time
from collections.abc import Iterator

from resnet_export.progress import Progress


class Stages:
    """Times the stages, and lets an observer see them."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda name: contextlib.nullcontext())
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times the block inside."""
        start = time.perf_counter()
        with self._progress(name):
            yield
        self.seconds[name] = time.perf_counter() - start
