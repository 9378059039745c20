"""Signals that come at any moment, in a process of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
STRESS = Path(__file__).parents[1] / "benchmarks" / "interruptions.py"
KILL = "import os, signal, sys; from resnet_export import interruption; me = os.getpid()\n"


def run(program: str) -> subprocess.CompletedProcess[str]:
    """A program under guard; its body is that of a function."""
    body = "".join(f"    {line}\n" for line in program.splitlines())
    code = f"{KILL}def program():\n{body}interruption.guard(program)\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line(number: signal.Signals) -> None:
    done = run(f"print('before')\nos.kill(me, {number:d})")
    assert (done.returncode, done.stdout, done.stderr) == (130, "before\n", "interrupted; nothing was written\n")


def test_what_is_left_is_said_and_what_is_open_is_closed() -> None:
    done = run(
        "interruption.explain(lambda: 'two of three are kept')\n"
        "try: os.kill(me, signal.SIGINT)\n"
        "finally: print('closed')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "closed\n", "interrupted; two of three are kept\n")


def test_a_second_one_ends_a_cleanup_that_lasts() -> None:
    done = run("try: os.kill(me, signal.SIGINT)\nfinally:\n  os.kill(me, signal.SIGTERM)\n  print('never')")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted; nothing was written\n")


def test_in_a_destructor_which_can_raise_nothing() -> None:
    done = run("class Held:\n  def __del__(self): os.kill(me, signal.SIGINT)\nheld = Held()\ndel held\nprint('never')")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted; nothing was written\n")


def test_a_generator_that_is_given_up_prints_no_traceback() -> None:
    done = run(
        "def held():\n"
        "  try: yield\n"
        "  finally: raise ValueError('I/O operation on closed file')\n"
        "left = held()\nnext(left)\nos.kill(me, signal.SIGINT)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted; nothing was written\n")


def test_while_stderr_is_redirected() -> None:
    done = run("os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\nos.kill(me, signal.SIGINT)")
    assert (done.returncode, done.stderr) == (130, "interrupted; nothing was written\n")


def test_once_it_is_over_it_is_over() -> None:
    done = run(f"import atexit; atexit.register(os.kill, me, {signal.SIGINT:d})\nprint('done')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_signal_that_is_ignored_stays_so() -> None:
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{KILL}"
    code += "interruption.guard(lambda: (os.kill(me, signal.SIGINT), print('goes on')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


@pytest.mark.long
def test_at_random_moments_of_a_benchmark() -> None:
    command = [sys.executable, str(STRESS), "--times", "3", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 of 3 as they should be" in done.stdout
