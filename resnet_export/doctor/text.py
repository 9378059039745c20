"""A `DoctorReport` for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from resnet_export.plain import WIDTH, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resnet_export.doctor.report import DoctorReport, RuntimeCheck
    from resnet_export.machine.clock import Clock
    from resnet_export.machine.gpu import Gpu

LONGEST = 230
"""Characters of a reason, four lines; JSON has the whole of it."""
GIBIBYTE = 1 << 30
NO_BREAK = "\ue000"
"""Stands for a blank at which no line is broken; of private use, as rich breaks lines at the no-break space too."""


def render(report: DoctorReport) -> str:
    """Machine, packages, runtimes, problems."""
    sections = [
        (f"resnet-export {report.version}", _machine(report)),
        ("Packages", _packages(report)),
        ("Runtimes that run here", _usable(report)),
        ("Runtimes that do not", _unusable(report)),
        ("Problems", _problems(report)),
    ]
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    rows_of = {title: list(rows) for title, rows in sections}
    first = min(WIDTH // 3, max(len(name) for rows in rows_of.values() for name, _ in rows) + len("  "))
    for title, rows in rows_of.items():
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(overflow="fold", width=first)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(Text(f"  {name}"), Text(value))
        if grid.rows:
            console.print(Text(title))
            console.print(grid)
            console.print()
    lines = (line.rstrip().replace(NO_BREAK, " ") for line in stream.getvalue().rstrip().splitlines())
    return "\n".join(lines)


def _machine(report: DoctorReport) -> Iterator[tuple[str, str]]:
    machine, cpu, limits = report.machine, report.machine.cpu, report.machine.limits
    virtual = ["virtual"] if cpu.virtual else []
    yield "CPU", _listed([cpu.model, cpu.architecture, *virtual])
    if cpu.instruction_sets is None:
        yield "", "instruction sets unknown"
    else:
        has = [name for name, there in cpu.instruction_sets.items() if there]
        lacks = [name for name, there in cpu.instruction_sets.items() if not there]
        absent = f"; no {_listed(lacks, ' or ')}" if lacks else ""
        yield "", (_listed(has) or "none of the instruction sets that matter") + absent
    cores = [f"{cpu.logical_cores} logical"]
    if cpu.physical_cores is not None:
        cores.insert(0, f"{cpu.physical_cores} physical")
    if cpu.affinity is not None and cpu.affinity != cpu.logical_cores:
        cores.append(f"affinity to {cpu.affinity} of them")
    cores.append("no cgroup quota" if limits.cpus is None else f"cgroup quota {limits.cpus:g}")
    if cpu.smt:
        cores.append("two threads a core")
    yield "cores", _listed(cores)
    clock = _clock(cpu.clock)
    if clock:
        yield "clock", _listed(clock)
    limit = "no cgroup limit" if limits.memory_bytes is None else f"cgroup limit {_size(limits.memory_bytes)}"
    yield "memory", _listed([_size(machine.memory_bytes), limit])
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
    yield "system", _listed([system.name, system.kernel, *([system.libc] if system.libc else []), *container])
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
    own = _listed(f"{name} {version}" for name, version in report.onnxruntimes.items()) or "not installed"
    yield "ONNX Runtime", own
    if report.providers.reason is not None:
        yield "", f"cannot be imported: {_plain(report.providers.reason)}"
    else:
        names = [name.removesuffix("ExecutionProvider") for name in report.providers.names]
        yield "", f"providers compiled in: {_listed(names)}"
    others = [found for found in report.distributions if found.name not in report.onnxruntimes]
    tested = [f"{found.name} {found.version}" for found in others if found.as_tested]
    if tested:
        yield "as tested", _listed(tested)
    for found in report.distributions:
        if not found.as_tested:
            yield "not tested", f"{found.name} {found.version}" + (f" ({found.tested} was)" if found.tested else "")


def _usable(report: DoctorReport) -> Iterator[tuple[str, str]]:
    for check in report.runtimes:
        if check.usable:
            yield check.name, _plain(check.detail)


def _unusable(report: DoctorReport) -> Iterator[tuple[str, str]]:
    for check in report.runtimes:
        if not check.usable:
            yield check.name, _reason(check)


def _reason(check: RuntimeCheck) -> str:
    """Why it doesn't run, and the next line what to do."""
    hint = _plain(check.hint or "").removeprefix("Install it with: ")
    if check.state == "missing" and check.detail.endswith("not installed."):
        # What a runtime without its package says is long, and the same for each.
        return f"not installed: {hint}" if hint else "not installed"
    return "\n".join(filter(None, [_plain(check.detail), hint]))


def _problems(report: DoctorReport) -> Iterator[tuple[str, str]]:
    for number, problem in enumerate(report.problems, 1):
        yield f"{number}", "\n".join([_plain(problem.what), *problem.cure])


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
    return _listed(facts)


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"


def _listed(values: Iterable[str], separator: str = ", ") -> str:
    """The values in one line, none of them broken in two."""
    return separator.join(value.replace(" ", NO_BREAK) if len(value) < WIDTH // 2 else value for value in values)


def _plain(text: str) -> str:
    """A text of others without control codes, in one paragraph that isn't too long."""
    cleaned = printable(text)
    return cleaned if len(cleaned) <= LONGEST else f"{cleaned[:LONGEST].rstrip()}..."
