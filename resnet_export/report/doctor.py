"""A `DoctorReport` for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from resnet_export.terminal import WIDTH, blocks, clipped, fact, listed

if TYPE_CHECKING:
    from resnet_export.doctor.report import DoctorReport, RuntimeCheck
    from resnet_export.machine.clock import Clock
    from resnet_export.machine.gpu import Gpu

LONGEST = 230
"""Characters of a reason, four lines; JSON has the whole of it."""
GIBIBYTE = 1 << 30


def render(report: DoctorReport) -> str:
    """Machine, packages, runtimes, problems."""
    sections = {
        f"resnet-export {report.version}": list(_machine(report)),
        "Packages": list(_packages(report)),
        "Runtimes that run here": [(one.name, _plain(one.detail)) for one in report.runtimes if one.usable],
        "Runtimes that do not": [(one.name, _reason(one)) for one in report.runtimes if not one.usable],
        "Problems": [(f"{at}", "\n".join([_plain(one.what), *one.cure])) for at, one in enumerate(report.problems, 1)],
    }
    longest = max(len(name) for facts in sections.values() for name, _ in facts)
    indent = min(WIDTH // 3, longest + 2 * len("  "))
    return blocks(*([title, *_lines(facts, indent)] for title, facts in sections.items() if facts))


def _lines(facts: Iterable[tuple[str, str]], indent: int) -> Iterator[str]:
    """Each name with its value."""
    for name, value in facts:
        for at, line in enumerate(value.splitlines()):
            yield from fact("" if at else name, line, indent=indent, fold=True)


def _machine(report: DoctorReport) -> Iterator[tuple[str, str]]:
    machine, cpu, limits = report.machine, report.machine.cpu, report.machine.limits
    yield "CPU", listed([cpu.model, cpu.architecture, *(["virtual"] if cpu.virtual else [])])
    if cpu.instruction_sets is None:
        yield "", "instruction sets unknown"
    else:
        has, lacks = ([name for name, there in cpu.instruction_sets.items() if there is it] for it in (True, False))
        absent = f"; no {listed(lacks, ' or ')}" if lacks else ""
        yield "", (listed(has) or "none of the instruction sets that matter") + absent
    affinity = None if cpu.affinity == cpu.logical_cores else cpu.affinity
    cores = [
        *_known(("{} physical", cpu.physical_cores), ("{} logical", cpu.logical_cores)),
        *_known(("affinity to {} of them", affinity)),
        "no cgroup quota" if limits.cpus is None else f"cgroup quota {limits.cpus:g}",
    ]
    yield "cores", listed([*cores, *(["two threads a core"] if cpu.smt else [])])
    clock = _clock(cpu.clock)
    if clock:
        yield "clock", listed(clock)
    limit = "no cgroup limit" if limits.memory_bytes is None else f"cgroup limit {_size(limits.memory_bytes)}"
    yield "memory", listed([_size(machine.memory_bytes), limit])
    gpus = machine.gpus
    yield from (("GPU", _gpu(gpu)) for gpu in gpus.devices)
    if not gpus.devices:
        yield "GPU", f"none ({_plain(gpus.reason)})" if gpus.reason else "none"
    elif gpus.reason:
        yield "", _plain(gpus.reason)
    if gpus.cuda is not None:
        yield "CUDA", f"up to {gpus.cuda}, by the driver"
    system = machine.system
    container = _known(("in a container ({})", system.container or None))
    yield "system", listed([system.name, system.kernel, *([system.libc] if system.libc else []), *container])
    yield "Python", system.python


def _clock(clock: Clock) -> list[str]:
    """What is known of it; on a virtual machine mostly the current clock alone."""
    now, most = (None if mhz is None else mhz / 1e3 for mhz in (clock.current_mhz, clock.max_mhz))
    boost = None if clock.boost is None else "on" if clock.boost else "off"
    return _known(
        ("{:.2f} GHz now", now), ("up to {:.2f} GHz", most), ("governor {}", clock.governor), ("boost {}", boost)
    )


def _packages(report: DoctorReport) -> Iterator[tuple[str, str]]:
    own = listed(f"{name} {version}" for name, version in report.onnxruntimes.items()) or "not installed"
    yield "ONNX Runtime", own
    if report.providers.reason is not None:
        yield "", f"cannot be imported: {_plain(report.providers.reason)}"
    else:
        names = [name.removesuffix("ExecutionProvider") for name in report.providers.names]
        yield "", f"providers compiled in: {listed(names)}"
    others = [found for found in report.distributions if found.name not in report.onnxruntimes]
    tested = [f"{found.name} {found.version}" for found in others if found.as_tested]
    if tested:
        yield "as tested", listed(tested)
    for found in report.distributions:
        if not found.as_tested:
            yield "not tested", f"{found.name} {found.version}" + (f" ({found.tested} was)" if found.tested else "")


def _reason(check: RuntimeCheck) -> str:
    """Why it doesn't run, and the next line what to do."""
    hint = _plain(check.hint or "").removeprefix("Install it with: ")
    if check.state == "missing" and check.detail.endswith("not installed."):
        # What a runtime without its package says is long, and the same for each.
        return f"not installed: {hint}" if hint else "not installed"
    return "\n".join(filter(None, [_plain(check.detail), hint]))


def _gpu(gpu: Gpu) -> str:
    return listed([
        gpu.name,
        *_known(
            ("{}", None if gpu.memory_bytes is None else _size(gpu.memory_bytes)),
            ("compute capability {}", gpu.compute_capability),
        ),
        "no driver" if gpu.driver is None else f"driver {gpu.driver}",
        *_known(("up to {} MHz", gpu.max_clock_mhz), ("power limit {:g} W", gpu.power_limit_w)),
    ])  # fmt: skip


def _known(*facts: tuple[str, Any]) -> list[str]:
    """The facts (words, value) whose value is known."""
    return [words.format(value) for words, value in facts if value is not None]


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"


def _plain(text: str) -> str:
    return clipped(text, LONGEST)
