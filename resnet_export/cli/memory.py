"""Memory that is freed goes back to the system.

glibc learns from the first large block that is freed to keep blocks of up to 32 MiB for itself. An export frees such
blocks all the time and needs them once: its peak is lower when they are returned, and its allocations are slower.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

M_MMAP_THRESHOLD = -3
"""glibc's malloc.h; setting it ends the learning."""
THRESHOLD = 128 * 1024
"""Bytes from which a block is the system's own: what glibc starts with."""


def return_freed() -> None:
    """Returns what is free, and from now on every large block that is freed; elsewhere than in glibc nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no mallopt
            libc = ctypes.CDLL(None)
            libc.mallopt(M_MMAP_THRESHOLD, THRESHOLD)
            libc.malloc_trim(0)
