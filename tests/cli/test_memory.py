"""The command saves memory, and leaves the process as it found it."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from resnet_export.cli.memory import _glibc, sparing


class Knot:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


def test_the_collector_is_as_before() -> None:
    with sparing() as settle:
        assert not gc.isenabled()
        settle("build")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_the_collector_is_as_before_after_an_error() -> None:
    with pytest.raises(KeyError), sparing():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with sparing() as settle:
            settle("build")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_has_served_is_collected() -> None:
    with sparing() as settle:
        settle("build")
        gone = weakref.ref(Knot())
        settle("bind")
        assert gone() is None


ALTERNATE_BLOCKS = """
import numpy as np, psutil
from resnet_export.cli.memory import sparing

process, size = psutil.Process(), 2 * 2**20
with sparing():
    blocks = [np.ones(size, np.uint8) for _ in range(32)]
    full = process.memory_info().rss
    # Every other one: the last stays in use, so that nothing is returned from the heap's end.
    del blocks[::2]
    print((full - process.memory_info().rss) / size)
"""


@pytest.mark.skipif(sys.platform != "linux" or _glibc() is None, reason="glibc's allocator is what is set")
def test_freed_blocks_are_returned() -> None:
    """In a process of its own: in this one, other threads come and go."""
    done = subprocess.run([sys.executable, "-c", ALTERNATE_BLOCKS], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 15, "of 16"
