from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.machine.cgroup import Throttling
from resnet_export.machine.counters import Moment, read_major_faults, read_switches, read_thermal
from resnet_export.machine.noise import Noise, Watch, between
from tests.machine.samples import MOUNTED_2, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = Moment(100.0, 50.0, 1.0, 20.0, 0.5, {7: (10, 1), 8: (5, 5)}, Throttling(100, 10, 1.0), 3, 40)
LAST = Moment(110.0, 68.0, 3.0, 30.0, 2.5, {7: (30, 11), 9: (40, 20)}, Throttling(200, 35, 2.5), 5, 41)

STATUS = """\
Name:	python
voluntary_ctxt_switches:	{}
nonvoluntary_ctxt_switches:	{}
"""
STAT = "7 (a (b) c) R 1 7 7 0 -1 4194304 1000 2000 30 4 500 60 7 8 20 0 1 0\n"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes until it is ended."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def test_the_gpu_and_the_reason_that_slowed_it_most() -> None:
    first = dataclasses.replace(FIRST, gpu_slowdowns=((5.0, 1.0), (0.0, 0.0)))
    last = dataclasses.replace(LAST, gpu_slowdowns=((6.5, 3.0), (0.5, 0.0)))
    assert between(first, last, 2).gpu_slowed_s == 2.0
    assert between(first, LAST, 2).gpu_slowed_s is None


def test_the_differences() -> None:
    assert between(FIRST, LAST, 2, [2000.0, 3000.0, 2500.0]) == Noise(
        seconds=10.0,
        cpus=2,
        own_cpus=1.0,
        others_cpus=pytest.approx(0.8),
        steal_share=pytest.approx(0.1),
        load_before=0.5,
        load_after=2.5,
        involuntary_per_s=3.0,  # thread 8 ended: what it did is not known any more
        voluntary_per_s=6.0,
        quota_periods=100,
        throttled_periods=25,
        throttled_s=1.5,
        thermal_throttles=2,
        clock_low_mhz=2000.0,
        clock_high_mhz=3000.0,
        major_faults=1,
    )


@pytest.mark.parametrize("side", ["first", "last", "both"])
def test_what_is_not_told_is_none(side: str) -> None:
    first = Moment(100.0) if side in ("first", "both") else FIRST
    last = Moment(110.0) if side in ("last", "both") else LAST
    told = dataclasses.asdict(between(first, last, 4))
    assert (told.pop("seconds"), told.pop("cpus")) == (10.0, 4)
    loads = {"load_before": first.load, "load_after": last.load}
    assert told == dict.fromkeys(told, None) | loads


TIMES = st.floats(0, 1e6)


@given(TIMES, TIMES, TIMES, TIMES, TIMES, TIMES)
def test_shares_stay_within_their_range(
    busy: float, more_busy: float, steal: float, more_steal: float, own: float, more_own: float
) -> None:
    found = between(Moment(0.0, busy, steal, own), Moment(1.0, busy + more_busy, steal + more_steal, own + more_own), 8)
    assert found.others_cpus is not None
    assert found.steal_share is not None
    assert 0 <= found.others_cpus <= more_busy * (1 + 1e-9) + 1e-6
    assert 0 <= found.steal_share <= 1


def test_no_time_has_passed() -> None:
    found = between(FIRST, FIRST, 2)
    assert (found.own_cpus, found.others_cpus, found.steal_share) == (0, 0, 0)


def test_a_child_that_computes(child: subprocess.Popen[bytes]) -> None:
    watch = Watch(child.pid)
    wait_for_cpu_time(child.pid, 0.3)
    watch.look()
    found = watch.end()
    assert found.seconds > 0
    assert 1 <= found.cpus <= (psutil.cpu_count() or 1)
    assert found.own_cpus is not None
    assert found.own_cpus * found.seconds > 0.25
    assert found.others_cpus is not None
    assert found.others_cpus >= 0


def test_children_count_as_ones_own(child: subprocess.Popen[bytes]) -> None:
    watch = Watch()
    wait_for_cpu_time(child.pid, 0.3)
    found = watch.end()
    assert found.own_cpus is not None
    assert found.own_cpus * found.seconds > 0.25


def test_what_everybody_else_does(child: subprocess.Popen[bytes]) -> None:
    """A process that sleeps is measured, while another computes."""
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watch = Watch(sleeper.pid)
    wait_for_cpu_time(child.pid, 0.3)
    found = watch.end()
    sleeper.communicate(b"\n")
    assert found.others_cpus is not None
    assert found.others_cpus * found.seconds > 0.25


def test_a_child_that_ends_meanwhile(child: subprocess.Popen[bytes]) -> None:
    watch = Watch(child.pid)
    child.kill()
    child.wait()
    found = watch.end()
    assert (found.own_cpus, found.others_cpus, found.involuntary_per_s, found.major_faults) == (None,) * 4


def test_a_child_that_nobody_has_waited_for_yet(child: subprocess.Popen[bytes]) -> None:
    watch = Watch(child.pid)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert watch.end().seconds > 0


def test_a_child_that_ended_before(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    watch = Watch(child.pid)
    watch.look()
    found = watch.end()
    assert (found.own_cpus, found.others_cpus) == (None, None)


def test_a_root_that_tells_nothing(tmp_path: Path) -> None:
    found = Watch(root=tmp_path).end()
    assert (found.quota_periods, found.thermal_throttles, found.major_faults) == (None, None, None)


def test_what_a_sample_root_tells(tmp_path: Path) -> None:
    pid = os.getpid()
    cpu = "sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    before = {
        f"proc/{pid}/cgroup": "0::/\n",
        "proc/self/mountinfo": MOUNTED_2,
        "sys/fs/cgroup/cpu.stat": "usage_usec 9\nnr_periods 10\nnr_throttled 1\nthrottled_usec 5000\n",
        f"proc/{pid}/stat": STAT,
        f"proc/{pid}/task/{pid}/status": STATUS.format(10, 20),
        cpu.format(0): "1\n",
        cpu.format(1): "0\n",
    }
    watch = Watch(root=write(tmp_path, before))
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cpu.stat": "usage_usec 99\nnr_periods 30\nnr_throttled 6\nthrottled_usec 105000\n",
            f"proc/{pid}/stat": STAT.replace(" 30 4 ", " 33 5 "),
            f"proc/{pid}/task/{pid}/status": STATUS.format(10, 25),
            cpu.format(1): "4\n",
        },
    )
    found = watch.end()
    assert (found.quota_periods, found.throttled_periods, found.throttled_s) == (20, 5, pytest.approx(0.1))
    assert (found.thermal_throttles, found.major_faults, found.voluntary_per_s) == (4, 4, 0)
    assert found.involuntary_per_s == pytest.approx(5 / found.seconds)


def test_all_threads_count(tmp_path: Path) -> None:
    files = {f"proc/7/task/{thread}/status": STATUS.format(thread, 2 * thread) for thread in (7, 11)}
    assert read_switches(write(tmp_path, files), [7, 8]) == {7: (7, 14), 11: (11, 22)}
    assert read_switches(tmp_path, [8]) is None


@pytest.mark.parametrize("text", ["", "7 (x) R 1", "no parentheses"])
def test_a_process_whose_faults_cannot_be_read(text: str, tmp_path: Path) -> None:
    assert read_major_faults(write(tmp_path, {"proc/7/stat": text}), [7]) is None


def test_heat_is_not_counted_everywhere(tmp_path: Path) -> None:
    assert read_thermal(tmp_path) is None


@pytest.mark.parametrize("missing", [["cpu_times"], ["cpu_freq"], ["cpu_times", "cpu_freq"]])
def test_a_system_that_refuses(missing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in missing:
        monkeypatch.setattr(psutil, name, refuse)
    found = Watch().end()
    assert (found.others_cpus is None) == ("cpu_times" in missing)
    assert (found.clock_low_mhz is None) or "cpu_freq" not in missing
    assert found.own_cpus is not None


def wait_for_cpu_time(pid: int, seconds: float) -> None:
    """Until the process has computed for that long."""
    process = psutil.Process(pid)
    begin = process.cpu_times().user
    while process.cpu_times().user < begin + seconds:
        time.sleep(0.02)
