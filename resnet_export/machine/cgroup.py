"""What the control groups of Linux leave to a process: CPU quota and memory, of version 1, 2, or both mixed.

    CPUs = quota / period        the smallest on the way from the process's group up to the root

A limit binds everything below it, so the groups above count as well, as far as they can be seen from here. Whoever has
used up its quota is stopped until the period ends: the kernel counts these periods.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from resnet_export.machine.sysfs import ROOT, read_text

UNLIMITED = 1 << 60
"""Bytes. Version 1 writes the largest multiple of a page below 2^63 for "no limit"."""
VERSION_2 = ""
"""Stands for the controllers' names in version 2, which has one hierarchy for all."""


@dataclass(frozen=True)
class Limits:
    """The cgroups' limits; None where there is none."""

    cpus: float | None = None
    """CPU time a second: 1.5 is one and a half CPUs."""
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Throttling:
    """How often the quotas stopped the process's groups since these exist."""

    periods: int
    """In which they ran at all, all groups on the way up together."""
    throttled: int
    """In which they were stopped."""
    seconds: float
    """For how long, all CPUs together."""


@dataclass(frozen=True)
class Mount:
    """Where a hierarchy can be seen."""

    controllers: frozenset[str]
    """Of version 1, such as `cpu` and `cpuacct`; `VERSION_2` alone for version 2."""
    group: PurePosixPath
    """Which group stands at the mount point: a container may see its own only."""
    point: PurePosixPath


def read_limits(root: Path = ROOT) -> Limits:
    """The limits of this process."""
    cpus: list[float | None] = []
    memory: list[int | None] = []
    for controller, folder in _folders(root, "self"):
        if controller in (VERSION_2, "cpu"):
            version_1 = " ".join(read_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
            cpus += [parse_cpu_max(read_text(folder / "cpu.max")), parse_cpu_max(version_1)]
        if controller in (VERSION_2, "memory"):
            memory += [parse_memory(read_text(folder / name)) for name in ("memory.max", "memory.limit_in_bytes")]
    return Limits(
        min((one for one in cpus if one is not None), default=None),
        min((one for one in memory if one is not None), default=None),
    )


def read_throttling(root: Path, pid: int) -> Throttling | None:
    """How often the groups of a process were stopped; None where that can't be seen, or it is gone."""
    found = [
        told
        for controller, folder in _folders(root, str(pid))
        if controller in (VERSION_2, "cpu") and (told := parse_throttling(read_text(folder / "cpu.stat"))) is not None
    ]
    if not found:
        return None
    return Throttling(
        sum(one.periods for one in found), sum(one.throttled for one in found), sum(one.seconds for one in found)
    )


def parse_throttling(text: str) -> Throttling | None:
    """From the `cpu.stat` of either version; None where the group counts nothing, as the root of version 2."""
    words = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    counts = {name: int(word) for name, word in words.items() if word.isdigit()}
    if not {"nr_periods", "nr_throttled"} <= counts.keys():
        return None
    seconds = counts.get("throttled_usec", 0) / 1e6 + counts.get("throttled_time", 0) / 1e9
    return Throttling(counts["nr_periods"], counts["nr_throttled"], seconds)


def parse_groups(text: str) -> dict[str, PurePosixPath]:
    """Controller -> the process's group, from `/proc/self/cgroup`: `4:memory:/group`, in version 2 `0::/group`."""
    groups = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, group = rest.partition(":")
        if colon:
            groups.update({controller: PurePosixPath(group) for controller in controllers.split(",")})
    return groups


def parse_mounts(text: str) -> list[Mount]:
    """The mounted hierarchies, from `/proc/self/mountinfo` (fields: proc(5))."""
    mounts = []
    for line in text.splitlines():
        where, separator, what = line.partition(" - ")
        fields, kinds = where.split(" "), what.split(" ")
        if not separator or len(fields) < 5 or len(kinds) < 3 or kinds[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = frozenset({VERSION_2} if kinds[0] == "cgroup2" else kinds[2].split(","))
        mounts.append(Mount(controllers, *(PurePosixPath(_unescaped(path)) for path in fields[3:5])))
    return mounts


def parse_cpu_max(text: str) -> float | None:
    """CPUs, from `150000 100000` or `max 100000`, in microseconds; version 1 writes -1 for `max`."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() and int(word) for word in words):
        return None
    return int(words[0]) / int(words[1])


def parse_memory(text: str) -> int | None:
    """Bytes, from `memory.max` of version 2 or `memory.limit_in_bytes` of version 1."""
    word = text.strip()
    return None if not word.isdigit() or int(word) >= UNLIMITED else int(word)


def _folders(root: Path, process: str) -> Iterator[tuple[str, Path]]:
    """Controller and folder of each of the process's groups, and of those above it, up to the mount point."""
    groups = parse_groups(read_text(root / "proc" / process / "cgroup"))
    for mount in parse_mounts(read_text(root / "proc/self/mountinfo")):
        for controller in mount.controllers & groups.keys():
            below, group = PurePosixPath(), groups[controller]
            if group.is_relative_to(mount.group) and ".." not in group.parts:
                below = group.relative_to(mount.group)
            for part in (below, *below.parents):
                yield controller, root / mount.point.relative_to("/") / part


def _unescaped(path: str) -> str:
    """The kernel writes blanks and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
