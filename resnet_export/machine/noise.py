"""What disturbs a measurement between two moments: other processes, the hypervisor, quotas, heat, the clock.

    CPUs that others used    = (busy time of the CPUs - CPU time of the measured processes) / elapsed time
    share that was stolen    = stolen time / (busy time + stolen time)

The CPUs are those that the measured process may run on. A process counts with its children, those that ended too.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from resnet_export.machine.clock import read_speeds
from resnet_export.machine.counters import Moment, read_moment
from resnet_export.machine.cpu import read_affinity
from resnet_export.machine.sysfs import ROOT

Count = TypeVar("Count", int, float)


@dataclass(frozen=True)
class Noise:
    """What happened while it was measured. None is what the system doesn't tell."""

    seconds: float
    """From begin to end."""
    cpus: int
    """That the measured process may run on."""
    own_cpus: float | None = None
    """CPU seconds a second of the measured process and its children."""
    others_cpus: float | None = None
    """CPU seconds a second of everybody else, on those CPUs."""
    steal_share: float | None = None
    """Of the time in which those CPUs had work: what the hypervisor gave to other machines, 0 to 1."""
    load_before: float | None = None
    """Mean number of tasks that ran or waited, in the minute before the begin."""
    load_after: float | None = None
    """Likewise before the end; the measured threads count."""
    involuntary_per_s: float | None = None
    """Times a second that a measured thread was preempted, all threads together."""
    voluntary_per_s: float | None = None
    """Times a second that a measured thread waited by itself."""
    quota_periods: int | None = None
    """Of the cgroup's quota, in which it ran; 0 where it has none."""
    throttled_periods: int | None = None
    """In which the quota was used up, and the cgroup stopped."""
    throttled_s: float | None = None
    """Seconds for which it was stopped, all CPUs together."""
    thermal_throttles: int | None = None
    """Times that a CPU slowed down because it was too hot."""
    clock_low_mhz: float | None = None
    """Lowest clock that was seen, of the fastest among those CPUs."""
    clock_high_mhz: float | None = None
    """Highest, likewise."""
    major_faults: int | None = None
    """Pages that the measured process had to wait for, as they were on disk."""
    gpu_slowed_s: float | None = None
    """Seconds for which power or heat held the clock of a GPU down, of the GPU and the reason that had most of it."""


class Watch:
    """Watches a process, and the machine around it: `watch = Watch(pid)`, later `watch.end()`."""

    def __init__(self, pid: int | None = None, root: Path = ROOT, *, on_gpu: bool = False) -> None:
        """Starts.

        Args:
            pid: of the process that is measured, with its children; None for this one. It may have ended.
            root: see `sysfs.ROOT`.
            on_gpu: watch NVIDIA's GPUs, too.
        """
        self._pid, self._root, self._on_gpu = os.getpid() if pid is None else pid, root, on_gpu
        try:
            self._process = psutil.Process(self._pid)
        except psutil.Error:
            self._process = None
        self._cpus = read_affinity(self._process) or tuple(range(psutil.cpu_count() or 1))
        self._speeds: list[float] = []
        self.look()
        self._first = self._read()

    def look(self) -> None:
        """Notes the clock. To be called now and then, once a second at most, while the network runs."""
        speeds = read_speeds()
        if speeds:
            # The fastest: the others may have nothing to do.
            self._speeds.append(max([speeds[cpu] for cpu in self._cpus if cpu < len(speeds)], default=max(speeds)))

    def end(self) -> Noise:
        """What happened since the begin. A process that has ended tells nothing of itself any more."""
        self.look()
        return between(self._first, self._read(), len(self._cpus), self._speeds)

    def _read(self) -> Moment:
        return read_moment(self._process, self._pid, self._cpus, self._root, on_gpu=self._on_gpu)


def between(first: Moment, last: Moment, cpus: int, speeds: Iterable[float] = ()) -> Noise:
    """What happened between two moments on so many CPUs; `speeds` are clocks that were seen meanwhile, in MHz."""
    seconds = max(last.seconds - first.seconds, 1e-9)
    busy, own = _more(first.busy_s, last.busy_s), _more(first.own_s, last.own_s)
    steal = _more(first.steal_s, last.steal_s)
    waited, aside = _count_switches(first.switches, last.switches)
    stops = None if first.throttling is None or last.throttling is None else (first.throttling, last.throttling)
    seen = list(speeds)
    return Noise(
        seconds=seconds,
        cpus=cpus,
        own_cpus=None if own is None else own / seconds,
        # Both are counted in ticks of some milliseconds, so that their difference may fall below 0.
        others_cpus=None if busy is None or own is None else max(0.0, busy - own) / seconds,
        steal_share=None if busy is None or steal is None else steal / max(busy + steal, 1e-9),
        load_before=first.load,
        load_after=last.load,
        involuntary_per_s=None if aside is None else aside / seconds,
        voluntary_per_s=None if waited is None else waited / seconds,
        quota_periods=None if stops is None else _more(*(one.periods for one in stops)),
        throttled_periods=None if stops is None else _more(*(one.throttled for one in stops)),
        throttled_s=None if stops is None else _more(*(one.seconds for one in stops)),
        thermal_throttles=_more(first.thermal, last.thermal),
        clock_low_mhz=min(seen, default=None),
        clock_high_mhz=max(seen, default=None),
        major_faults=_more(first.major_faults, last.major_faults),
        gpu_slowed_s=_slowed(first.gpu_slowdowns, last.gpu_slowdowns),
    )


def _slowed(first: tuple[tuple[float, ...], ...] | None, last: tuple[tuple[float, ...], ...] | None) -> float | None:
    """The most of any GPU and reason: several reasons may hold at the same time."""
    if first is None or last is None or len(first) != len(last):
        return None
    pairs = (pair for gpus in zip(first, last, strict=True) for pair in zip(*gpus, strict=True))
    return max(max(0.0, after - before) for before, after in pairs)


def _count_switches(
    first: Mapping[int, tuple[int, int]] | None, last: Mapping[int, tuple[int, int]] | None
) -> tuple[int, int] | tuple[None, None]:
    """Of the threads that are still there; those that are new began with none."""
    if first is None or last is None:
        return None, None
    waited, aside = (sum(last[one][kind] - first.get(one, (0, 0))[kind] for one in last) for kind in (0, 1))
    return waited, aside


def _more(first: Count | None, last: Count | None) -> Count | None:
    """How much a counter went up; it falls when a child of the process ends that tells nothing any more."""
    if first is None or last is None:
        return None
    return max(last - first, type(last)(0))
