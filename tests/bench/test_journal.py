from __future__ import annotations

import dataclasses
import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.journal import Journal
from resnet_export.errors import InputError, UnavailableError
from tests.bench.examples import CASE, crashed, result

if TYPE_CHECKING:
    from pathlib import Path

FIRST = result()
SECOND = crashed(case=dataclasses.replace(CASE, batch=8))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two cases."""
    with Journal(tmp_path / "journal", "plan") as journal:
        journal.add(FIRST)
        journal.add(SECOND)
    return tmp_path / "journal"


def test_what_was_written_is_read(path: Path) -> None:
    with Journal(path, "plan") as journal:
        assert journal.finished == {FIRST.case.key: FIRST, SECOND.case.key: SECOND}
    assert [sorted(json.loads(line)) for line in path.read_text().splitlines()] == [
        ["journal", "plan"],
        ["case", "result"],
        ["case", "result"],
    ]


def test_wherever_the_last_line_is_torn_the_whole_ones_remain(path: Path) -> None:
    content = path.read_bytes()
    header, first, second = content.splitlines(keepends=True)
    for kept in (1, 5, len(header) - 1, len(header), len(header) + 1, len(header + first) - 1, len(header + first)):
        path.write_bytes(content[:kept])
        with Journal(path, "plan") as journal:
            assert list(journal.finished.values()) == ([FIRST] if kept == len(header + first) else [])
            for one in (FIRST, SECOND)[len(journal.finished) :]:
                journal.add(one)
        assert path.read_bytes() == content
    path.write_bytes(header + first + second[: len(second) // 2])
    with Journal(path, "plan"):
        assert path.read_bytes() == header + first


@pytest.mark.parametrize("fits", [0, 100], ids=["nothing", "half a line"])
def test_a_disk_that_is_full_takes_nothing_from_the_results(
    fits: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, third = os.write, dataclasses.replace(FIRST, case=dataclasses.replace(CASE, batch=16))
    room = [fits]

    def limited(file: int, content: memoryview) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= (written := write(file, content[: room[0]]))
        return written

    before = path.read_bytes()
    with Journal(path, "plan") as journal:
        monkeypatch.setattr(os, "write", limited)
        journal.add(third)
        assert journal.finished[third.case.key] == third
        assert journal.broken == f"{path} cannot be written: No space left on device. Nothing was changed."
    assert path.read_bytes() == before, "no torn line"


def test_of_another_plan(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        Journal(path, "another")
    assert caught.value.message.startswith(f"{path} is the journal of another plan: ")
    assert caught.value.hint == "Run the command that began it, or delete it and start anew."
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["hello", "hello\n", "{}\n", '{"case": "x"}\n', '{"journal": 0, "plan": "plan"}\n'])
def test_what_is_no_journal_is_left_alone(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text(content)
    with pytest.raises(InputError, match=r"is no journal of a benchmark|is the journal of another plan"):
        Journal(path, "plan")
    assert path.read_text() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"):
        Journal(tmp_path / "nowhere" / "journal", "plan")


def test_two_at_once(path: Path) -> None:
    """The same command given twice must not measure everything twice, in each other's way."""
    content = path.read_bytes()
    with Journal(path, "plan"), pytest.raises(UnavailableError) as caught:
        Journal(path, "plan")
    assert caught.value.message == f"{path} is in use: the same benchmark runs already."
    assert caught.value.hint == "Wait for it, or end it."
    assert path.read_bytes() == content
    with Journal(path, "plan") as journal:
        assert len(journal.finished) == 2
