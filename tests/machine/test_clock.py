from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from resnet_export.machine.clock import Clock, read_boost, read_clock, read_speeds
from tests.machine.samples import write

if TYPE_CHECKING:
    from pathlib import Path

CPU = "sys/devices/system/cpu"


def test_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speed = SimpleNamespace(current=2100.5, min=800.0, max=3400.0)
    monkeypatch.setattr(psutil, "cpu_freq", lambda percpu: [speed, speed] if percpu else speed)
    write(tmp_path, {f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n", f"{CPU}/cpufreq/boost": "0\n"})
    found = read_clock(tmp_path)
    assert found == Clock(None, 800.0, 3400.0, "powersave", False)
    assert found.current_mhz == 2100.5
    assert read_speeds() == (2100.5, 2100.5)


@pytest.mark.parametrize(
    ("file", "word", "boost"),
    [("cpufreq/boost", "1", True), ("intel_pstate/no_turbo", "0", True), ("intel_pstate/no_turbo", "1", False)],
)
def test_boost(file: str, word: str, boost: bool, tmp_path: Path) -> None:
    assert read_boost(write(tmp_path, {f"{CPU}/{file}": f"{word}\n"})) is boost


def test_a_virtual_machine_knows_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_freq", lambda percpu: SimpleNamespace(current=2596.1, min=0.0, max=0.0))
    found = read_clock(tmp_path)
    assert (found.current_mhz, found) == (2596.1, Clock())


@pytest.mark.parametrize("error", [None, NotImplementedError(), FileNotFoundError(), RuntimeError()])
def test_a_system_that_does_not_tell(error: Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(percpu: bool) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(psutil, "cpu_freq", ask)
    assert read_clock(tmp_path) == Clock()
    assert read_speeds() is None


def test_a_system_for_which_the_library_cannot_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "cpu_freq")
    assert read_clock(tmp_path) == Clock()
