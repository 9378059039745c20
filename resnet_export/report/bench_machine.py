"""The section of a page of measurements that tells of the machine: what it is, and its measured peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export import plain
from resnet_export.report.chart import text
from resnet_export.report.elements import figure
from resnet_export.report.figures import digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANSWERS = {True: "yes", False: "no"}


def section(report: Mapping[str, Any]) -> Iterator[str]:
    """A list of facts; what the system doesn't tell is left out."""
    yield "<h2>Machine</h2><dl>"
    yield from (f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in _facts(report).items() if value)
    peaks = [_peaks(f"peaks/{at}", found) for at, found in enumerate(report.get("peaks") or ())]
    if peaks:
        yield f"<dt>peaks</dt><dd>{''.join(f'<div>{line}</div>' for line in peaks)}</dd>"
    yield "</dl>"


def _facts(report: Mapping[str, Any]) -> dict[str, str | None]:
    """Name -> fact."""
    machine, budget = report["machine"], report["budget"]
    cpu, system, clock = machine["cpu"], machine["system"], machine["cpu"].get("clock") or {}
    sets = [name for name, has in (cpu.get("instruction_sets") or {}).items() if has]
    quota, gpus = (machine.get("limits") or {}).get("cpus"), machine.get("gpus") or {}
    return {
        "CPU": cpu["model"] or "unknown",
        "cores": f"{cpu.get('physical_cores') or '?'} physical, {cpu['logical_cores']} logical, "
        f"{machine['usable_cpus']:g} usable",
        "affinity": cpu.get("affinity") and plain.number(cpu["affinity"], "CPU"),
        "CPU quota": quota and f"{quota:g} CPUs, by the cgroup",
        "instruction sets": ", ".join(sets),
        "clock": _clock(clock.get("current_mhz"), clock.get("max_mhz")),
        "governor": clock.get("governor"),
        "virtual": ANSWERS.get(cpu.get("virtual")),
        "memory": plain.file_size(int(machine["memory_bytes"])),
        "GPU": "; ".join(map(_gpu, gpus.get("devices") or ())) or "none",
        "CUDA": gpus.get("cuda") and f"up to {gpus['cuda']}, by the driver",
        "system": f"{system['name']}, {system['kernel']}",
        "container": system.get("container") or "none",
        "Python": system["python"],
        "packages": ", ".join(f"{name} {version}" for name, version in machine["packages"].items()),
        "budget": f"{budget['seconds']:g} s",
    }


def _gpu(gpu: Mapping[str, Any]) -> str:
    driver = gpu.get("driver") and f"driver {gpu['driver']}"
    return ", ".join(filter(None, [gpu["name"], driver, _clock(gpu.get("clock_mhz"), gpu.get("max_clock_mhz"))]))


def _clock(now: float | None, most: float | None) -> str:
    """When it was asked, and the highest; empty where neither is told."""
    told = {"{:.0f} MHz when asked": now, "up to {:.0f} MHz": most}
    return ", ".join(words.format(value) for words, value in told.items() if value)


def _peaks(where: str, peaks: Mapping[str, Any]) -> str:
    """Of a device and a number of threads: each rate, and what reached it."""
    rates = [
        f"{_giga(rate, f'{where}/multiply_adds_per_s/{precision}')} G multiply-adds/s in {text(precision)}"
        f"{_by(peaks, precision)}"
        for precision, rate in peaks["multiply_adds_per_s"].items()
    ]
    memory = f"memory {_giga(peaks['bytes_per_s'], f'{where}/bytes_per_s')} GB/s{_by(peaks, 'memory')}"
    whose = "GPU" if peaks["device"] == "cuda" else plain.number(peaks["threads"], "thread")
    return f"{whose}: {', '.join([*rates, memory])}"


def _giga(rate: float, where: str) -> str:
    return figure(rate, where, digits(rate / 1e9))


def _by(peaks: Mapping[str, Any], what: str) -> str:
    how = peaks["how"].get(what)
    return f" ({text(how)})" if how else ""
