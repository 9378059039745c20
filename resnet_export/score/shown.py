"""`Shown`: how far a run is: pictures, rate, remaining time, and what limits it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from resnet_export.errors import ResNetExportError
from resnet_export.score.engine import Engine
from resnet_export.score.listing import list_pictures
from resnet_export.score.results import Row

EVERY_S = 0.5
"""Seconds after which it is shown again."""
RECENT_S = 20.0
"""Seconds that the rate is a mean of, so that the start doesn't count for ever."""


class Shown:
    """Counts the rows of a run. A context manager: on leaving it counts no more.

    Attributes:
        done: rows so far.
    """

    def __init__(self, engine: Engine, inputs: Sequence[str], known: int, show: Callable[[str], object] | None) -> None:
        """Begins.

        Args:
            engine: knows what limits it.
            inputs: are listed once more beside the run, to count them.
            known: rows that were there before.
            show: is given a line; None for nobody who looks.
        """
        self.done = 0
        self._engine, self._inputs, self._known, self._show = engine, inputs, known, show
        self._total: int | None = None
        self._left = False
        # It lists in code of Arrow, and Python must not end below that: so it is waited for.
        self._counting = threading.Thread(target=self._count_inputs)
        self._shown_at = time.monotonic()
        self._marks = [(self._shown_at, 0)]

    def __enter__(self) -> Self:
        if self._show is not None:
            self._counting.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the counting of the inputs."""
        self._left = True
        if self._counting.is_alive():
            self._counting.join()

    def count(self, row: Row) -> Row:
        """Counts a row, and shows the state from time to time."""
        self.done += 1
        now = time.monotonic()
        if self._show is not None and now - self._shown_at >= EVERY_S:
            self._shown_at = now
            self._marks = [*(mark for mark in self._marks if now - mark[0] <= RECENT_S), (now, self.done)]
            self._show(self.line())
        return row

    def line(self) -> str:
        """`12,345 of 100,000, 61.2/s, 24 min left, limited by decoding`."""
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        rate = (after - before) / (last - first) if last > first else 0.0
        total = None if self._total is None else max(self._total - self._known, self.done)
        words = [f"{self.done:,}" if total is None else f"{self.done:,} of {total:,}", f"{rate:.1f}/s"]
        if total is not None and rate:
            words.append(f"{duration((total - self.done) / rate)} left")
        limit = self._engine.limit
        return ", ".join([*words, *([f"limited by {limit}"] if limit else [])])

    def _count_inputs(self) -> None:
        count = 0
        with contextlib.suppress(ResNetExportError, OSError):  # the run itself will meet it
            for _ in list_pictures(self._inputs, contents=False):
                if self._left:
                    return
                count += 1
            self._total = count


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
