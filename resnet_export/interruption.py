"""Ctrl-C and SIGTERM: one line on stderr and exit code 130, whatever the program is at.

The first signal raises `KeyboardInterrupt`, so that what is open is closed on the way out; where Python can't pass it
on (in a destructor, say), and at a second signal, the process ends at once. The line goes to a descriptor of its own:
the process's stderr may be redirected at that moment (see `cli.chatter`).

A context manager that is a generator, and that the exception left half-way, is closed by the garbage collector, and
what that raises would be printed as a traceback: from the first signal on, nothing of the kind is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

EXIT_CODE = 130
"""128 + SIGINT, as shells report it."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _nothing() -> str:
    return "nothing was written"


class _State:
    """Of this process."""

    came = False
    """Whether a signal did."""
    told = False
    """Whether the line was written."""
    stderr: int | None = None
    """A descriptor of the stderr that the program was started with; None before `guard`."""
    what_is_left: Callable[[], str] = staticmethod(_nothing)
    """Ends the line."""


def guard(program: Callable[[], None]) -> None:
    """Runs a program whose interruption ends this process."""
    try:
        try:
            _install()
            program()
        finally:
            for number in SIGNALS:  # it is over: its exit code says how
                signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        _end()
    except SystemExit as leaving:
        if leaving.code == EXIT_CODE and _State.came:
            _end()
        raise


def came() -> bool:
    """Whether this program was interrupted: what it raises since then may be a consequence."""
    return _State.came


def explain(what_is_left: Callable[[], str] = _nothing) -> None:
    """Sets what the line says of what is left."""
    _State.what_is_left = staticmethod(what_is_left)


def tell(*before: str) -> None:
    """Writes the line, once, and behind others."""
    if _State.told:
        return
    text = "".join(f"{line}\n" for line in (*before, f"interrupted; {_State.what_is_left()}"))
    if _State.stderr is None:
        sys.stderr.write(text)
    else:
        _State.told = True
        with contextlib.suppress(OSError):
            os.write(_State.stderr, text.encode(errors="backslashreplace"))


def _install() -> None:
    with contextlib.suppress(OSError):  # the caller of the program closed it (`2>&-`)
        _State.stderr = os.dup(2)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _State.came:
        _end()
    _State.came = True
    sys.unraisablehook = _after_interruption
    raise KeyboardInterrupt


def _after_interruption(unraisable: sys.UnraisableHookArgs, /) -> None:
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _end()


def _end() -> NoReturn:
    """Ends the process without what Python does at an exit, which takes a while and may print."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(Exception):
        tell()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(EXIT_CODE)
