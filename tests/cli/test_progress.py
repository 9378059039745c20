from __future__ import annotations

import io
import re

import pytest

from resnet_export.cli.progress import ERASE_LINE, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_the_running_stage_gives_way_to_its_time() -> None:
    stream = Terminal()
    progress = Progress(stream)
    with progress("build"):
        assert stream.getvalue() == "  build ..."
    assert re.fullmatch(re.escape(f"  build ...{ERASE_LINE}") + r"  build +\d+\.\d s\n", stream.getvalue())


def test_one_line_for_each_stage() -> None:
    stream = Terminal()
    progress = Progress(stream)
    for stage in ("load", "build"):
        with progress(stage):
            pass
    shown = [line.rpartition(ERASE_LINE)[2].split()[0] for line in stream.getvalue().strip().split("\n")]
    assert shown == ["load", "build"]


def test_a_stage_that_fails_has_no_time() -> None:
    stream = Terminal()
    with pytest.raises(ValueError, match="wrong"), Progress(stream)("trace"):
        raise ValueError("wrong")
    assert stream.getvalue().split()[-2:] == ["trace", "failed"]


def test_quiet_when_piped() -> None:
    stream = io.StringIO()
    with Progress(stream)("load"):
        pass
    assert stream.getvalue() == ""


def test_verbose_writes_whole_lines_only() -> None:
    stream = io.StringIO()
    with Progress(stream, verbose=True)("load"):
        assert stream.getvalue() == ""
    assert re.fullmatch(r"  load +\d+\.\d s\n", stream.getvalue())


@pytest.mark.parametrize("verbose", [True, False])
def test_a_terminal_that_cannot_erase(verbose: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with Progress(stream, verbose=verbose)("load"):
        pass
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().split()[0] == "load"


def test_nobody_reads_it_any_more() -> None:
    with Progress(Gone())("load"):
        done = True
    assert done
