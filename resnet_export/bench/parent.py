"""A worker does not outlive its parent: what nobody waits for must not disturb what is measured next."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that a process gets when its parent dies."""


def die_with_parent() -> None:
    """Asks Linux to end the process with its parent: one that is stopped can't find out that nobody will wake it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
