"""The memory of this process, the peak and what it holds now, and of the GPUs.

`getrusage` is not asked on Linux: its peak outlives `exec`, so that a child starts with what its parent had.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from resnet_export.machine.gpu import MEBIBYTE, ask_nvidia
from resnet_export.machine.sysfs import read_text

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Memory:
    """What a process needed, in bytes, its Python included."""

    peak_rss_bytes: int | None
    """The most resident memory so far; None where the system does not tell."""
    steady_rss_bytes: int
    """Resident memory now."""
    gpu_memory_bytes: int | None
    """How much more of the GPU's memory is in use than before the file was opened; None without one."""


def read_memory(gpu_before: int | None) -> Memory:
    """The memory of this process; `gpu_before` is what `gpu_memory` gave before the file was opened."""
    process, now = psutil.Process(), gpu_memory()
    gpu = None if gpu_before is None or now is None else max(0, now - gpu_before)
    return Memory(peak_rss(), int(process.memory_info().rss), gpu)


def peak_rss() -> int | None:
    """The most resident memory so far, in bytes; None where the system does not tell."""
    for line in read_text(STATUS).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    windows = getattr(psutil.Process().memory_info(), "peak_wset", None)
    if windows is not None:
        return int(windows)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def gpu_memory() -> int | None:
    """Memory in use on all NVIDIA GPUs together, by whomever, in bytes; None without one.

    In a container the driver knows other process numbers than this process does, so that it can't be asked for its own,
    and CUDA may number the GPUs in another way.
    """
    used = ask_nvidia("memory.used")[0].split()
    return sum(map(int, used)) * MEBIBYTE if used and all(map(str.isdigit, used)) else None
