"""The section of a page of measurements that tells of the machine: what it is, and its measured peaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.bench.words import digits
from resnet_export.report.kit.page import datum, text
from resnet_export.report.machine import facts
from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport
    from resnet_export.bench.roofline import Peaks


def section(report: BenchReport) -> Iterator[str]:
    """A list of facts."""
    yield "<h2>Machine</h2><dl>"
    packages = [f"{name} {version}" for name, version in report.machine.packages.items()]
    known = [*facts(report.machine), ("packages", packages), ("budget", [f"{report.budget.seconds:g} s"])]
    yield from (f"{f'<dt>{name}</dt>' if name else ''}<dd>{text(', '.join(values))}</dd>" for name, values in known)
    if report.peaks:
        lines = "".join(f"<div>{_peaks(f'peaks/{at}', one)}</div>" for at, one in enumerate(report.peaks))
        yield f"<dt>peaks</dt><dd>{lines}</dd>"
    yield "</dl>"


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
