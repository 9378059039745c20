"""A `DoctorReport` for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.terminal import WIDTH, blocks, clipped, fact, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    """Each name and its value, of which each line begins anew."""
    for name, value in facts:
        for at, line in enumerate(value.splitlines()):
            yield from fact("" if at else name, line, indent=indent, fold=True)


def _machine(report: DoctorReport) -> Iterator[tuple[str, str]]:
    machine, cpu, limits = report.machine, report.machine.cpu, report.machine.limits
    virtual = ["virtual"] if cpu.virtual else []
    yield "CPU", listed([cpu.model, cpu.architecture, *virtual])
    if cpu.instruction_sets is None:
        yield "", "instruction sets unknown"
    else:
        has = [name for name, there in cpu.instruction_sets.items() if there]
        lacks = [name for name, there in cpu.instruction_sets.items() if not there]
        absent = f"; no {listed(lacks, ' or ')}" if lacks else ""
        yield "", (listed(has) or "none of the instruction sets that matter") + absent
    cores = [f"{cpu.logical_cores} logical"]
    if cpu.physical_cores is not None:
        cores.insert(0, f"{cpu.physical_cores} physical")
    if cpu.affinity is not None and cpu.affinity != cpu.logical_cores:
        cores.append(f"affinity to {cpu.affinity} of them")
    cores.append("no cgroup quota" if limits.cpus is None else f"cgroup quota {limits.cpus:g}")
    if cpu.smt:
        cores.append("two threads a core")
    yield "cores", listed(cores)
    clock = _clock(cpu.clock)
    if clock:
        yield "clock", listed(clock)
    limit = "no cgroup limit" if limits.memory_bytes is None else f"cgroup limit {_size(limits.memory_bytes)}"
    yield "memory", listed([_size(machine.memory_bytes), limit])
    gpus = machine.gpus
    for gpu in gpus.devices:
        yield "GPU", _gpu(gpu)
    if not gpus.devices:
        yield "GPU", f"none ({_plain(gpus.reason)})" if gpus.reason else "none"
    elif gpus.reason:
        yield "", _plain(gpus.reason)
    if gpus.cuda is not None:
        yield "CUDA", f"up to {gpus.cuda}, by the driver"
    system = machine.system
    container = [f"in a container ({system.container})"] if system.container else []
    yield "system", listed([system.name, system.kernel, *([system.libc] if system.libc else []), *container])
    yield "Python", system.python


def _clock(clock: Clock) -> list[str]:
    """What is known of it: a virtual machine mostly knows the current one alone."""
    facts = []
    if clock.current_mhz is not None:
        facts.append(f"{clock.current_mhz / 1e3:.2f} GHz now")
    if clock.max_mhz is not None:
        facts.append(f"up to {clock.max_mhz / 1e3:.2f} GHz")
    if clock.governor is not None:
        facts.append(f"governor {clock.governor}")
    if clock.boost is not None:
        facts.append("boost on" if clock.boost else "boost off")
    return facts


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
    facts = [gpu.name]
    if gpu.memory_bytes is not None:
        facts.append(_size(gpu.memory_bytes))
    if gpu.compute_capability is not None:
        facts.append(f"compute capability {gpu.compute_capability}")
    facts.append("no driver" if gpu.driver is None else f"driver {gpu.driver}")
    if gpu.max_clock_mhz is not None:
        facts.append(f"up to {gpu.max_clock_mhz} MHz")
    if gpu.power_limit_w is not None:
        facts.append(f"power limit {gpu.power_limit_w:g} W")
    return listed(facts)


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"


def _plain(text: str) -> str:
    """A text of others, which isn't too long."""
    return clipped(text, LONGEST)
