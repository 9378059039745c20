"""The stages of a long command on stderr, where a person sees them."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TextIO

ERASE_LINE = "\r\x1b[K"


class Progress:
    """Shows one line per stage, with its time when it is done.

    On a terminal the running stage is shown too. Elsewhere nothing is written, unless `verbose`.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        terminal = stream.isatty()
        self.stream = stream
        self._shown = terminal or verbose
        # In between come the frameworks' own lines when verbose, and a dumb terminal cannot erase.
        self._live = terminal and not verbose and os.environ.get("TERM") != "dumb"

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[Callable[[str], None]]:
        """Entered around the stage; gives what shows, on a terminal, how it stands."""
        start = time.perf_counter()

        def show(state: str) -> None:
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                self._write(f"{ERASE_LINE}{f'  {stage} ... {state}'.rstrip()[:width]}")

        if self._live:
            self._write(f"  {stage} ...")
        outcome = "failed"
        try:
            yield show
            outcome = f"{time.perf_counter() - start:.1f} s"
        finally:
            self._write(f"{ERASE_LINE if self._live else ''}  {stage:<12} {outcome}\n")

    def _write(self, text: str) -> None:
        if self._shown:
            # Progress that nobody reads any more is no reason to stop.
            with contextlib.suppress(OSError):
                self.stream.write(text)
                self.stream.flush()
