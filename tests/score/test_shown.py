from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resnet_export.score import shown
from resnet_export.score.shown import Shown, duration
from tests.score.pictures import folder_of


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shown, "time", clock)
    return clock


def test_the_line(net: Path, clock: Clock) -> None:
    folder_of(Path("photos"), 12)
    lines: list[str] = []
    engine: Any = SimpleNamespace(limit="decoding")
    row: Any = object()
    with Shown(engine, ["photos"], 2, lines.append) as state:
        for _ in range(100):
            if state._total is None:
                time.sleep(0.02)
        for _ in range(4):
            clock.now += 0.25
            assert state.count(row) is row
        engine.limit = None
        clock.now += 0.5
        state.count(row)
    assert lines == [
        "2 of 10, 4.0/s, 2 s left, limited by decoding",
        "4 of 10, 4.0/s, 2 s left, limited by decoding",
        "5 of 10, 3.3/s, 2 s left",
    ]


def test_while_the_number_is_unknown(net: Path, clock: Clock) -> None:
    engine: Any = SimpleNamespace(limit="the network")
    lines: list[str] = []
    state = Shown(engine, [], 0, lines.append)
    clock.now += 100
    row: Any = None
    state.count(row)
    assert lines == ["1, 0.0/s, limited by the network"]


def test_durations() -> None:
    assert list(map(duration, (0.4, 45, 200, 5399, 12_240))) == ["0 s", "45 s", "3 min", "90 min", "3.4 h"]


def test_the_longest_line_fits_a_terminal() -> None:
    assert len("  score ... 999,999 of 1,000,000, 61.2/s, 4.5 h left, limited by the network") < 80
