"""What this machine is: `read_machine()` gives a `Machine`, the fingerprint of whatever is measured on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from resnet_export.data import Plain
from resnet_export.machine.cgroup import Limits, read_limits
from resnet_export.machine.cpu import Cpu, read_cpu
from resnet_export.machine.distributions import read_distributions
from resnet_export.machine.gpu import Gpus, read_gpus
from resnet_export.machine.system import System, read_system


@dataclass(frozen=True)
class Machine(Plain):
    """What a result depends on besides the model. Nothing in it names a user, a host or a folder."""

    DERIVED: ClassVar[tuple[str, ...]] = ("usable_cpus", "usable_memory_bytes")

    cpu: Cpu
    memory_bytes: int
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
        return min(self.memory_bytes, self.limits.memory_bytes or self.memory_bytes)


def read_machine() -> Machine:
    """The facts of this machine. What can't be found out is None, and no error."""
    packages = {found.name: found.version for found in read_distributions()}
    return Machine(read_cpu(), psutil.virtual_memory().total, read_limits(), read_gpus(), read_system(), packages)
