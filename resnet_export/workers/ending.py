"""How a process ended, what it printed last, and an end that leaves none of its children behind."""

from __future__ import annotations

import contextlib
import signal
from typing import IO, TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import subprocess

LOG_LINES = 40
"""Lines of the log that are kept with a crash: Python's own account of it takes some thirty."""


def how_ended(code: int) -> str:
    """An exit code in words: `left with exit code 3`, `was ended by SIGSEGV`."""
    name = signal_of(code)
    if name is None:
        return f"left with exit code {code}"
    return f"was ended by {name}" + (", as the kernel does when memory runs out," if name == "SIGKILL" else "")


def signal_of(code: int) -> str | None:
    """The name of the signal that ended a process; None where it left by itself."""
    if code >= 0:
        return None
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def last_lines(log: IO[bytes]) -> tuple[str, ...]:
    """The last of what a process printed to a file."""
    log.seek(0)
    return tuple(log.read().decode(errors="replace").splitlines()[-LOG_LINES:])


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a process with its children, such as compilers, and closes its pipes."""
    if process.poll() is None:  # else its number may be another's by now
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe and pipe.close()
