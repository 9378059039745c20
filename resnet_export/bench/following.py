"""What a parent needs to follow a worker: its lines as they come, its end, and what it printed last."""

from __future__ import annotations

import contextlib
import signal
from typing import IO, TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import queue
    import subprocess

LOG_LINES = 40
"""Of what a process printed, kept beside its crash: Python's own account of it takes some thirty."""


def forward(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    """Lines as they come, then None. A pipe by itself can't be waited for with a time limit on Windows."""
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def ending(process: subprocess.Popen[bytes]) -> tuple[str, str | None]:
    """(how the process ended, the signal); waits for it."""
    code = process.wait()
    if code >= 0:
        return f"left with exit code {code}", None
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}" + (", as the kernel does when memory runs out," if name == "SIGKILL" else ""), name


def last_lines(log: IO[bytes]) -> tuple[str, ...]:
    """Of what it printed."""
    log.seek(0)
    return tuple(log.read().decode(errors="replace").splitlines()[-LOG_LINES:])


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills it with its children, such as compilers, and closes its pipes."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe and pipe.close()
