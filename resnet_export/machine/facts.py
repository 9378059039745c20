"""`Machine`: CPU, limits, memory, GPUs and system as immutable data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from resnet_export.machine.cgroup import read_limits
from resnet_export.machine.cpu import read_cpu
from resnet_export.machine.distributions import read_distributions
from resnet_export.machine.gpu import read_gpus
from resnet_export.machine.system import read_system

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.machine.cgroup import Limits
    from resnet_export.machine.cpu import Cpu
    from resnet_export.machine.gpu import Gpus
    from resnet_export.machine.system import System


@dataclass(frozen=True)
class Machine:
    """What a result depends on besides the model. Nothing in it names a user, a host or a folder."""

    cpu: Cpu
    memory_bytes: int
    """Physical memory."""
    limits: Limits
    """What the cgroups leave of CPU and memory."""
    gpus: Gpus
    system: System
    packages: Mapping[str, str] = field(default_factory=dict)
    """Installed packages that have a part in an export or a run -> version."""

    @property
    def usable_cpus(self) -> float:
        """How many CPUs this process gets at most, by affinity and quota."""
        may_use = self.cpu.affinity or self.cpu.logical_cores
        return float(may_use if self.limits.cpus is None else min(may_use, self.limits.cpus))

    @property
    def usable_memory_bytes(self) -> int:
        """How much memory this process gets at most."""
        return (
            self.memory_bytes if self.limits.memory_bytes is None else min(self.memory_bytes, self.limits.memory_bytes)
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/doctor.md."""
        plain: Mapping[str, Any] = dataclasses.asdict(self)
        return {**plain, "usable_cpus": self.usable_cpus, "usable_memory_bytes": self.usable_memory_bytes}


def read_machine() -> Machine:
    """The facts of this machine. What can't be found out is None, and no error."""
    packages = {found.name: found.version for found in read_distributions()}
    return Machine(read_cpu(), psutil.virtual_memory().total, read_limits(), read_gpus(), read_system(), packages)
