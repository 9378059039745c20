"""The lines of a worker as they come, so that a parent can wait for each with a time limit."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import queue


def forward(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    """Lines as they come, then None. A pipe by itself can't be waited for with a time limit on Windows."""
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)
