"""The section of a page of measurements that tells of the machine: what it is, and its measured peaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import digits
from resnet_export.report.kit.page import datum, text
from resnet_export.terminal import file_size, number

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport
    from resnet_export.bench.roofline import Peaks
    from resnet_export.machine.gpu import Gpu


def section(report: BenchReport) -> Iterator[str]:
    """A list of facts; what the system does not tell is left out."""
    yield "<h2>Machine</h2><dl>"
    yield from (f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in _facts(report).items() if value)
    if report.peaks:
        lines = "".join(f"<div>{_peaks(f'peaks/{at}', one)}</div>" for at, one in enumerate(report.peaks))
        yield f"<dt>peaks</dt><dd>{lines}</dd>"
    yield "</dl>"


def _facts(report: BenchReport) -> dict[str, str | None]:
    """Name -> fact."""
    machine, cpu, clock = report.machine, report.machine.cpu, report.machine.cpu.clock
    system, quota, gpus = machine.system, machine.limits.cpus, machine.gpus
    return {
        "CPU": cpu.model or "unknown",
        "cores": f"{cpu.physical_cores or '?'} physical, {cpu.logical_cores} logical, {machine.usable_cpus:g} usable",
        "affinity": number(cpu.affinity, "CPU") if cpu.affinity else None,
        "CPU quota": f"{quota:g} CPUs, by the cgroup" if quota else None,
        "instruction sets": ", ".join(name for name, has in (cpu.instruction_sets or {}).items() if has),
        "clock": _clock(clock.current_mhz, clock.max_mhz),
        "governor": clock.governor,
        "virtual": None if cpu.virtual is None else "yes" if cpu.virtual else "no",
        "memory": file_size(machine.memory_bytes),
        "GPU": "; ".join(map(_gpu, gpus.devices)) or "none",
        "CUDA": f"up to {gpus.cuda}, by the driver" if gpus.cuda else None,
        "system": f"{system.name}, {system.kernel}",
        "container": system.container or "none",
        "Python": system.python,
        "packages": ", ".join(f"{name} {version}" for name, version in machine.packages.items()),
        "budget": f"{report.budget.seconds:g} s",
    }


def _gpu(gpu: Gpu) -> str:
    driver = f"driver {gpu.driver}" if gpu.driver else ""
    return ", ".join(filter(None, [gpu.name, driver, _clock(gpu.clock_mhz, gpu.max_clock_mhz)]))


def _clock(now: float | None, most: float | None) -> str:
    """When it was asked, and the highest; empty where neither is known."""
    words = {"{:.0f} MHz when asked": now, "up to {:.0f} MHz": most}
    return ", ".join(word.format(value) for word, value in words.items() if value)


def _peaks(where: str, peaks: Peaks) -> str:
    """The peaks of a device and a number of threads: each rate, and what reached it."""
    rates = [
        f"{datum(digits(rate / 1e9), f'{where}/multiply_adds_per_s/{precision}')} G multiply-adds/s "
        f"in {text(precision)}{_by(peaks, precision)}"
        for precision, rate in peaks.multiply_adds_per_s.items()
    ]
    memory = f"memory {datum(digits(peaks.bytes_per_s / 1e9), f'{where}/bytes_per_s')} GB/s{_by(peaks, 'memory')}"
    whose = "GPU" if peaks.device == "cuda" else number(peaks.threads, "thread")
    return f"{whose}: {', '.join([*rates, memory])}"


def _by(peaks: Peaks, what: str) -> str:
    how = peaks.how.get(what)
    return f" ({text(how)})" if how else ""
