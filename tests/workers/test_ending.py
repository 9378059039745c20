from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import psutil
import pytest

from resnet_export.workers.client import LOG_LINES, end, how_ended, last_lines, signal_of

SLEEPS = "import time; time.sleep(600)"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@POSIX
@pytest.mark.parametrize(
    ("code", "words", "name"),
    [
        (0, "left with exit code 0", None),
        (3, "left with exit code 3", None),
        (-11, "was ended by SIGSEGV", "SIGSEGV"),
        (-9, "was ended by SIGKILL, as the kernel does when memory runs out,", "SIGKILL"),
        (-50, "was ended by signal 50", "signal 50"),
    ],
)
def test_how_a_process_ended(code: int, words: str, name: str | None) -> None:
    assert (how_ended(code), signal_of(code)) == (words, name)


def test_the_last_lines() -> None:
    with tempfile.TemporaryFile() as log:
        assert last_lines(log) == ()
        log.write(b"".join(b"%d\n" % number for number in range(100)) + b"\xff")
        found = last_lines(log)
    assert len(found) == LOG_LINES
    assert found[-2:] == ("99", "\N{REPLACEMENT CHARACTER}")


def test_none_of_those_that_it_started_is_left() -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    while not (children := psutil.Process(process.pid).children()):
        time.sleep(0.01)
    end(process)
    assert process.returncode is not None
    assert process.stdin is not None
    assert process.stdout is not None
    assert (process.stdin.closed, process.stdout.closed) == (True, True)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_one_that_is_over_has_its_pipes_closed() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"unread")  # it can't be flushed any more
    process.wait()
    end(process)
    end(process)
    assert process.stdin.closed
