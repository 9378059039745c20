"""The facts of a machine for people, of `doctor` and of a page of measurements; what is not known is left out."""

from collections.abc import Iterator
from typing import Any

from resnet_export.machine import Machine
from resnet_export.machine.cpu import Cpu
from resnet_export.machine.gpu import Gpu
from resnet_export.terminal import listed

GIBIBYTE = 1 << 30


def facts(machine: Machine) -> Iterator[tuple[str, list[str]]]:
    """Each fact with its parts; one without a name goes on with the fact above it."""
    cpu, limits, gpus, system = machine.cpu, machine.limits, machine.gpus, machine.system
    yield "CPU", [cpu.model, cpu.architecture, *(["virtual"] if cpu.virtual else [])]
    yield "", [_instruction_sets(cpu)]
    affinity = None if cpu.affinity == cpu.logical_cores else cpu.affinity
    cores = _known(
        ("{} physical", cpu.physical_cores), ("{} logical", cpu.logical_cores), ("affinity to {} of them", affinity)
    )
    quota = "no cgroup quota" if limits.cpus is None else f"cgroup quota {limits.cpus:g}"
    yield "cores", [*cores, quota, *(["two threads a core"] if cpu.smt else [])]
    clock = _clock(cpu)
    if clock:
        yield "clock", clock
    limit = "no cgroup limit" if limits.memory_bytes is None else f"cgroup limit {_size(limits.memory_bytes)}"
    yield "memory", [_size(machine.memory_bytes), limit]
    yield from (("GPU", _gpu(gpu)) for gpu in gpus.devices)
    if not gpus.devices:
        yield "GPU", [f"none ({gpus.reason})" if gpus.reason else "none"]
    elif gpus.reason:
        yield "", [gpus.reason]
    if gpus.cuda is not None:
        yield "CUDA", [f"up to {gpus.cuda}", "by the driver"]
    told = _known(("{}", system.libc or None), ("in a container ({})", system.container or None))
    yield "system", [system.name, system.kernel, *told]
    yield "Python", [system.python]


def _instruction_sets(cpu: Cpu) -> str:
    if cpu.instruction_sets is None:
        return "instruction sets unknown"
    has, lacks = ([name for name, there in cpu.instruction_sets.items() if there is it] for it in (True, False))
    absent = f"; no {listed(lacks, ' or ')}" if lacks else ""
    return (listed(has) or "none of the instruction sets that matter") + absent


def _clock(cpu: Cpu) -> list[str]:
    """What is known of it; on a virtual machine mostly the current clock alone."""
    clock = cpu.clock
    now, most = (None if mhz is None else mhz / 1e3 for mhz in (clock.current_mhz, clock.max_mhz))
    boost = None if clock.boost is None else "on" if clock.boost else "off"
    return _known(
        ("{:.2f} GHz now", now), ("up to {:.2f} GHz", most), ("governor {}", clock.governor), ("boost {}", boost)
    )


def _gpu(gpu: Gpu) -> list[str]:
    return [
        gpu.name,
        *_known(
            ("{}", None if gpu.memory_bytes is None else _size(gpu.memory_bytes)),
            ("compute capability {}", gpu.compute_capability),
        ),
        "no driver" if gpu.driver is None else f"driver {gpu.driver}",
        *_known(("{} MHz now", gpu.clock_mhz), ("up to {} MHz", gpu.max_clock_mhz)),
        *_known(("power limit {:g} W", gpu.power_limit_w)),
    ]


def _known(*facts: tuple[str, Any]) -> list[str]:
    """The facts (words, value) whose value is known."""
    return [words.format(value) for words, value in facts if value is not None]


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"
