from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from resnet_export.machine.cgroup import (
    Limits,
    Throttling,
    parse_cpu_max,
    parse_groups,
    parse_memory,
    parse_mounts,
    read_limits,
    read_throttling,
)
from tests.machine.samples import MIXED, MOUNTED_1, MOUNTED_2, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GIB = 1 << 30
GROUP, MOUNTS, SYS = "proc/self/cgroup", "proc/self/mountinfo", "sys/fs/cgroup"
NO_LIMIT_1 = "9223372036854771712\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[dict[str, str]], Limits]:
    return lambda files: read_limits(write(tmp_path, files))


def test_version_2_in_a_container(read: Callable[[dict[str, str]], Limits]) -> None:
    files = {
        GROUP: "0::/\n",
        MOUNTS: MOUNTED_2,
        f"{SYS}/cpu.max": "150000 100000\n",
        f"{SYS}/memory.max": f"{4 * GIB}\n",
    }
    assert read(files) == Limits(1.5, 4 * GIB)


def test_version_2_without_limits(read: Callable[[dict[str, str]], Limits]) -> None:
    group = "user.slice/user-1000.slice"
    files = {
        GROUP: f"0::/{group}\n",
        MOUNTS: MOUNTED_2,
        f"{SYS}/{group}/cpu.max": "max 100000\n",
        f"{SYS}/{group}/memory.max": "max\n",
    }
    assert read(files) == Limits()


def test_the_smallest_limit_on_the_way_up_counts(read: Callable[[dict[str, str]], Limits]) -> None:
    files = {
        GROUP: "0::/pod.slice/container/worker\n",
        MOUNTS: MOUNTED_2,
        f"{SYS}/pod.slice/cpu.max": "200000 100000\n",
        f"{SYS}/pod.slice/memory.max": f"{8 * GIB}\n",
        f"{SYS}/pod.slice/container/cpu.max": "400000 100000\n",
        f"{SYS}/pod.slice/container/memory.max": f"{2 * GIB}\n",
        f"{SYS}/pod.slice/container/worker/cpu.max": "max 100000\n",
        f"{SYS}/pod.slice/container/worker/memory.max": "max\n",
        f"{SYS}/elsewhere/cpu.max": "1000 100000\n",
    }
    assert read(files) == Limits(2.0, 2 * GIB)


def test_version_1(read: Callable[[dict[str, str]], Limits]) -> None:
    files = {
        GROUP: "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n",
        MOUNTS: MOUNTED_1,
        f"{SYS}/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000\n",
        f"{SYS}/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        f"{SYS}/cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n",
        f"{SYS}/cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        f"{SYS}/memory/docker/abc/memory.limit_in_bytes": NO_LIMIT_1,
        f"{SYS}/memory/docker/memory.limit_in_bytes": f"{GIB}\n",
        f"{SYS}/memory/memory.limit_in_bytes": NO_LIMIT_1,
    }
    assert read(files) == Limits(0.5, GIB)


def test_a_container_that_sees_its_own_group_only(read: Callable[[dict[str, str]], Limits]) -> None:
    """Without a namespace: the group has the host's name, and stands at the mount point."""
    files = {
        GROUP: "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
        MOUNTS: MOUNTED_1.replace(" / /sys/fs/cgroup/", " /docker/abc /sys/fs/cgroup/"),
        f"{SYS}/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
        f"{SYS}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        f"{SYS}/memory/memory.limit_in_bytes": f"{GIB}\n",
    }
    assert read(files) == Limits(3.0, GIB)


def test_both_versions_mixed(read: Callable[[dict[str, str]], Limits]) -> None:
    files = {
        GROUP: "4:memory:/a\n3:cpu,cpuacct:/\n0::/b\n",
        MOUNTS: MIXED,
        f"{SYS}/memory/a/memory.limit_in_bytes": f"{GIB}\n",
        f"{SYS}/unified/b/cpu.max": "100000 100000\n",
    }
    assert read(files) == Limits(1.0, GIB)


def test_a_group_outside_of_what_is_mounted(read: Callable[[dict[str, str]], Limits]) -> None:
    files = {GROUP: "0::/../other\n", MOUNTS: MOUNTED_2, f"{SYS}/cpu.max": "100000 100000\n"}
    assert read(files) == Limits(1.0)


def test_none_at_all(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == Limits()


def test_this_machine() -> None:
    found = read_limits()
    assert found.cpus is None or found.cpus > 0
    assert found.memory_bytes is None or found.memory_bytes > 0


def test_groups() -> None:
    assert parse_groups("3:cpu,cpuacct:/a:b\n0::/\n\n") == {
        "cpu": PurePosixPath("/a:b"),
        "cpuacct": PurePosixPath("/a:b"),
        "": PurePosixPath("/"),
    }


def test_mounts_with_blanks_in_their_names() -> None:
    (mount,) = parse_mounts(r"35 24 0:30 /my\040pod /sys/fs/cgroup\040two rw - cgroup2 cgroup2 rw")
    assert (mount.group, mount.point) == (PurePosixPath("/my pod"), PurePosixPath("/sys/fs/cgroup two"))


@pytest.mark.parametrize("line", ["", "35 24 0:30 / /sys", "1 2 3 - cgroup2 cgroup2 rw", "1 2 3 / /x rw - cgroup2"])
def test_mounts_that_cannot_be_read(line: str) -> None:
    assert parse_mounts(line) == []


@pytest.mark.parametrize("text", ["", "max 100000", "x 100000", "100000", "0 100000", "100000 0"])
def test_no_quota(text: str) -> None:
    assert parse_cpu_max(text) is None


@pytest.mark.parametrize("text", ["", "max", NO_LIMIT_1, "-1"])
def test_no_memory_limit(text: str) -> None:
    assert parse_memory(text) is None


def test_throttling_of_version_2_on_the_way_up(tmp_path: Path) -> None:
    files = {
        "proc/42/cgroup": "0::/pod/worker\n",
        MOUNTS: MOUNTED_2,
        f"{SYS}/pod/worker/cpu.stat": "usage_usec 5\nnr_periods 100\nnr_throttled 3\nthrottled_usec 1500000\n",
        f"{SYS}/pod/cpu.stat": "usage_usec 5\nnr_periods 50\nnr_throttled 1\nthrottled_usec 500000\n",
        f"{SYS}/cpu.stat": "usage_usec 5\n",
    }
    assert read_throttling(write(tmp_path, files), 42) == Throttling(150, 4, 2.0)
    assert read_throttling(tmp_path, 43) is None


def test_throttling_of_version_1(tmp_path: Path) -> None:
    files = {
        "proc/42/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n",
        MOUNTS: MIXED,
        f"{SYS}/cpu,cpuacct/a/cpu.stat": "nr_periods 10\nnr_throttled 2\nthrottled_time 250000000\n",
        f"{SYS}/unified/cpu.stat": "usage_usec 5\n",
    }
    assert read_throttling(write(tmp_path, files), 42) == Throttling(10, 2, 0.25)


def test_no_throttling_where_nothing_is_counted(tmp_path: Path) -> None:
    assert read_throttling(tmp_path, 42) is None
    assert read_throttling(write(tmp_path, {"proc/42/cgroup": "0::/\n", MOUNTS: MOUNTED_2}), 42) is None
