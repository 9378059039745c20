"""The memory of this process: the peak, and what it holds now.

`getrusage` is not asked on Linux: its peak outlives `exec`, so that a child starts with what its parent had.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

STATUS = Path("/proc/self/status")


def peak_rss() -> int | None:
    """The most resident memory so far, in bytes; None where the system doesn't tell."""
    try:
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    windows = getattr(psutil.Process().memory_info(), "peak_wset", None)
    if windows is not None:
        return int(windows)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def rss() -> int:
    """Resident memory in bytes."""
    return int(psutil.Process().memory_info().rss)
