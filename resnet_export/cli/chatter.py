"""Holds back what the frameworks print by themselves, so that stdout and stderr carry only our own words.

TensorFlow and torch log from C++, below Python's `sys.stdout`, so the file descriptors themselves are redirected.
"""

import contextlib
import ctypes
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import click

from resnet_export import files
from resnet_export.cli.streams import tell
from resnet_export.errors import ResNetExportError

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
    with contextlib.ExitStack() as stack:
        saved = {descriptor: _duplicate(descriptor, stack) for descriptor in (STDOUT, STDERR)}
        with files.reported("A temporary file"):
            kept = stack.enter_context(tempfile.TemporaryFile())
        stream = stack.enter_context(_stderr(saved[STDERR]))
        warned = stack.enter_context(_recorded_warnings(verbose=verbose))
        target = saved[STDERR] if verbose else kept.fileno()
        unexpected = False
        _redirect({descriptor: None if copy is None else target for descriptor, copy in saved.items()})
        try:
            yield stream
        except EXPECTED:
            raise
        except BaseException:
            unexpected = True
            raise
        finally:
            _redirect(saved)
            kept.seek(0)
            text = kept.read().decode(errors="backslashreplace").rstrip() if unexpected else ""
            for line in dict.fromkeys([*filter(None, [text]), *warned]):
                tell(line)


def _duplicate(descriptor: int, stack: contextlib.ExitStack) -> int | None:
    """A second descriptor of the same file; None where the caller of the program closed it (`>&-`)."""
    try:
        copy = os.dup(descriptor)
    except OSError:
        return None
    stack.callback(os.close, copy)
    return copy


def _redirect(targets: Mapping[int, int | None]) -> None:
    """Makes each descriptor one of its target's file, unless that is None.

    Before, Python's buffers are emptied, and those of C, which would reach the real stdout when the process ends.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
    for descriptor, target in targets.items():
        if target is not None:
            os.dup2(target, descriptor)


@contextlib.contextmanager
def _stderr(copy: int | None) -> Iterator[TextIO]:
    """A stream to the real stderr, or `sys.stderr` itself where that is not the process's."""
    ours = False
    with contextlib.suppress(AttributeError, OSError, ValueError):
        ours = sys.stderr.fileno() == STDERR
    if copy is None or not ours:
        yield sys.stderr if sys.stderr is not None else io.StringIO()
        return
    with open(os.dup(copy), "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:  # noqa: PTH123
        try:
            yield stream
        finally:
            with contextlib.suppress(OSError):
                stream.flush()


@contextlib.contextmanager
def _recorded_warnings(*, verbose: bool) -> Iterator[list[str]]:
    """Collects the lines to show: `warning: ...` for our own `UserWarning`s; those of others when verbose."""
    lines: list[str] = []

    def record(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
        if issubclass(category, UserWarning) and _raised_by_us(sys._getframe(1)):
            lines.append(f"warning: {message}")
        elif verbose:
            lines.append(warnings.formatwarning(message, category, filename, lineno).rstrip())

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = record
        yield lines


def _raised_by_us(frame: FrameType | None) -> bool:
    """Whether the call of `warnings.warn` stands in this package.

    The file name of a warning doesn't tell: frameworks name their caller, which is often us.
    """
    while frame is not None and Path(frame.f_code.co_filename).stem in ("warnings", "_py_warnings"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(PACKAGE)
