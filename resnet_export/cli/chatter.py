"""Holds back what the frameworks print by themselves, so that stdout and stderr carry only our own words.

TensorFlow and torch log from C++, below Python's `sys.stdout`, so the file descriptors themselves are redirected.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from resnet_export import files
from resnet_export.cli.streams import tell
from resnet_export.errors import ResNetExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PACKAGE = str(Path(files.__file__).parent) + os.sep
STDOUT, STDERR = 1, 2
EXPECTED = (ResNetExportError, click.ClickException, click.exceptions.Exit, KeyboardInterrupt, MemoryError)
"""What these say is enough; for anything else the frameworks' last words may hold the reason."""


@contextlib.contextmanager
def held_back(*, verbose: bool = False) -> Iterator[TextIO]:
    """Redirects stdout and stderr of the process, and gives a stream to the real stderr.

    The package's own warnings are shown on leaving. What was held back is dropped, unless the body raises something
    unexpected: then it is written to stderr.

    Args:
        verbose: let everything through at once, all of it to stderr.

    Raises:
        UnavailableError: there is no room for a temporary file.
    """
    saved = {descriptor: _duplicate(descriptor) for descriptor in (STDOUT, STDERR)}
    try:
        with contextlib.ExitStack() as stack:
            with files.reported("A temporary file"):
                kept = stack.enter_context(tempfile.TemporaryFile())
            stream = stack.enter_context(_stderr(saved[STDERR]))
            warned = stack.enter_context(_recorded_warnings(verbose=verbose))
            replay = False
            _redirect(saved, saved[STDERR] if verbose else kept.fileno())
            try:
                yield stream
            except EXPECTED:
                raise
            except BaseException:
                replay = True
                raise
            finally:
                _restore(saved)
                if replay:
                    _replay(kept)
                for text in dict.fromkeys(warned):
                    tell(text)
    finally:
        for copy in saved.values():
            if copy is not None:
                os.close(copy)


def _duplicate(descriptor: int) -> int | None:
    """A second descriptor of the same file; None where the caller of the program closed it (`>&-`)."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None


def _redirect(saved: dict[int, int | None], target: int | None) -> None:
    _flush()
    for descriptor, copy in saved.items():
        if copy is not None and target is not None:
            os.dup2(target, descriptor)


def _restore(saved: dict[int, int | None]) -> None:
    _flush()
    for descriptor, copy in saved.items():
        if copy is not None:
            os.dup2(copy, descriptor)


def _flush() -> None:
    """Empties Python's buffers and those of C, which would else reach the real stdout when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def _stderr(copy: int | None) -> Iterator[TextIO]:
    """A stream to the real stderr, or `sys.stderr` itself where that is not the process's."""
    if copy is None or not _is_process_stderr():
        yield sys.stderr if sys.stderr is not None else io.StringIO()
        return
    with open(os.dup(copy), "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:  # noqa: PTH123
        try:
            yield stream
        finally:
            with contextlib.suppress(OSError):
                stream.flush()


def _is_process_stderr() -> bool:
    try:
        return sys.stderr.fileno() == STDERR
    except (AttributeError, OSError, ValueError):
        return False


def _replay(kept: BinaryIO) -> None:
    kept.seek(0)
    text = kept.read().decode(errors="backslashreplace").rstrip()
    if text:
        tell(text)


@contextlib.contextmanager
def _recorded_warnings(*, verbose: bool) -> Iterator[list[str]]:
    """Collects the lines to show: `warning: ...` for our own `UserWarning`s; those of others when verbose."""
    lines: list[str] = []

    def record(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, UserWarning) and _raised_by_us(sys._getframe(1)):
            lines.append(f"warning: {message}")
        elif verbose:
            lines.append(warnings.formatwarning(message, category, filename, lineno, line).rstrip())

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = record
        yield lines


def _raised_by_us(frame: FrameType | None) -> bool:
    """Whether the call of `warnings.warn` stands in this package.

    The file name of a warning doesn't tell: frameworks blame their caller, which is often us.
    """
    while frame is not None and Path(frame.f_code.co_filename).stem in ("warnings", "_py_warnings"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(PACKAGE)
