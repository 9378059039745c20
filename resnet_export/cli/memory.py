"""Memory that is freed goes back to the system, at no cost in time.

Left to itself glibc keeps freed blocks of up to 32 MiB, and the copies of a network that an export has one after the
other never meet again in the same gaps. Large blocks are therefore the system's own from the start, and small ones,
of which tracing needs millions, are kept. What only Python's collector frees, such as a traced model, is collected
once, when it has served; the imported modules, most of its work, are left out of that.
"""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's malloc.h; setting either ends its own learning."""
OWN_BLOCK = 2**20
"""Bytes from which a block is the system's own: weights and activations are larger, what tracing needs is smaller."""
KEPT = 32 * 2**20
"""Free bytes at the heap's end that are kept: with glibc's 128 KiB the heap shrinks and grows again all the time."""


def return_freed() -> None:
    """Returns what is free, and from now on every large block that is freed; elsewhere than in glibc nothing."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(M_MMAP_THRESHOLD, OWN_BLOCK)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.malloc_trim(0)


@contextlib.contextmanager
def sparing() -> Iterator[Callable[[str], None]]:
    """While it lasts memory is saved; gives what is to be called with the name of each stage of an export."""
    return_freed()
    was_enabled = gc.isenabled()
    gc.disable()  # imports make no garbage that is worth a search

    def at(stage: str) -> None:
        if stage == "build":  # everything is imported
            gc.freeze()
            gc.enable()
        elif stage == "bind":  # the model has served
            gc.collect()
        if stage in ("run", "bind", "verify"):
            return_freed()

    try:
        yield at
    finally:
        gc.unfreeze()
        (gc.enable if was_enabled else gc.disable)()


def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):  # musl has neither
            return libc
    return None
