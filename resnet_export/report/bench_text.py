"""What `bench` measured for a person at a terminal: plain text, 100 columns, fit for a bug report."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from resnet_export import plain
from resnet_export.plain import printable, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resnet_export.bench.case import Case
    from resnet_export.bench.measured import Measured, Series
    from resnet_export.bench.results import BenchReport, CaseResult
    from resnet_export.bench.statistics import Quantile

WIDTH = 100
HEADING = ("runtime", "batch", "thr.", "p50 ms", "p99 ms", "images/s", "eff.", "MB", "ran on")
LEFT = (0, 3, 4, 8)
"""Columns that are aligned to the left."""
LAYOUTS = ((14, "  "), (14, " "), (0, " "))
"""(characters of a runtime that share a line with its numbers, blanks between columns), of which the first that fits
is taken; a runtime with more options than that has a line of its own."""
EXPLANATION = (
    "p50, p99: [95 % interval], distribution-free. eff.: independent samples that the measured ones are worth. "
    "needs N: N samples like these would support the number. MB: peak memory of the process."
)


def render(report: BenchReport) -> str:
    """The machine, a table for each model with remarks below its rows, and what the columns mean."""
    blocks = [list(_title(report))]
    for path, results in groupby(report.cases, key=lambda result: result.case.model.path):
        blocks.append(list(_model(path, list(results), report.machine.usable_cpus)))
    if any(result.measured is not None for result in report.cases):
        blocks.append(wrapped(EXPLANATION))
    return "\n\n".join("\n".join(block) for block in blocks)


def _title(report: BenchReport) -> Iterator[str]:
    machine = report.machine
    cpus = f"{machine.usable_cpus:g} of {machine.cpu.logical_cores} CPUs"
    yield from wrapped(printable(f"{machine.cpu.model or 'unknown CPU'}, {cpus}, {machine.system.name}"))


def _model(path: str, results: Sequence[CaseResult], cpus: float) -> Iterator[str]:
    """The rows of one model."""
    yield f"{printable(path)} ({plain.file_size(results[0].case.model.size)})"
    for longest, gap in LAYOUTS:
        table = [(result, list(_rows(result, longest))) for result in results]
        rows = [HEADING, *(row for _, own in table for row in own)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if 2 + sum(widths) + len(gap) * (len(widths) - 1) <= WIDTH:
            break
    yield _line(HEADING, widths, gap)
    for result, own in table:
        if own[0][0] != printable(result.case.runtime):
            yield f"  {printable(_what(result.case))}"
        yield from (_line(row, widths, gap) for row in own)
        for remark in _remarks(result, cpus):
            yield from wrapped(printable(remark), "    ")


def _line(row: Sequence[str], widths: Sequence[int], gap: str) -> str:
    cells = zip(row, widths, strict=True)
    aligned = (cell.ljust(width) if at in LEFT else cell.rjust(width) for at, (cell, width) in enumerate(cells))
    return f"  {gap.join(aligned)}".rstrip()


def _what(case: Case) -> str:
    """The line above the rows of a case that has more to say than a column holds."""
    device = ["device to device"] if case.boundary == "device" else []
    return ", ".join([case.runtime, *device, *([] if case.scenario.name == "single" else [case.scenario.label])])


def _rows(result: CaseResult, longest: int) -> Iterator[tuple[str, ...]]:
    """A row for each series, but for the probes."""
    case, measured = result.case, result.measured
    name = printable(case.runtime) if _what(case) == case.runtime and len(case.runtime) <= longest else ""
    if measured is None:
        yield (name, str(case.batch), str(result.threads), result.status, "", "", "", "", "")
        return
    for series in measured.series:
        if series.probe:
            continue
        found, rate = series.summary, series.images_per_s
        yield (
            name or _condition(series),
            str(series.batch),
            str(result.threads),
            _estimate(found.quantile(0.5)),
            _estimate(found.quantile(0.99)),
            "-" if rate is None else _digits(rate.value),
            f"{found.effective:.0f}",
            "-" if measured.peak_rss_bytes is None else f"{measured.peak_rss_bytes / 1e6:.0f}",
            _place(measured),
        )


def _condition(series: Series) -> str:
    """What tells it from the others: `gap 10 ms`."""
    match dict(series.condition):
        case {"gap_ms": gap}:
            return f"gap {gap:g} ms"
        case {"rate_per_s": rate, "load": load}:
            return f"{rate:.3g}/s, {load:.0%}"
    return ""


def _remarks(result: CaseResult, cpus: float) -> Iterator[str]:
    """What has to be known of a row."""
    if result.measured is None:
        yield f"{result.reason}{'' if result.hint is None else f' {result.hint}'}"
        return
    if result.case.scenario.slo_p99_ms is not None:
        yield _slo(result.measured, result.case.scenario.slo_p99_ms)
    yield from _about(result.measured)
    if result.threads > cpus:
        yield f"{result.threads} threads shared {cpus:g} CPUs."


def _slo(measured: Measured, bound_ms: float) -> str:
    main = measured.main
    found = main.check_slo(bound_ms)
    told = f"{found.broken} of {plain.number(found.requests, 'request')} took longer"
    if found.holds:
        return f"p99 within {bound_ms:g} ms is shown up to {main.condition['rate_per_s']:.3g} requests/s: {told}."
    lowest = f"{main.condition['rate_per_s']:.3g} requests/s, the lowest rate that was tried"
    return f"p99 within {bound_ms:g} ms is not shown at any rate. At {lowest}, {told}."


def _about(measured: Measured) -> Iterator[str]:
    if measured.fallback is not None:
        yield f"FALLBACK: {measured.fallback}"
    if len(measured.nodes) > 1:
        placed = ", ".join(f"{_short(name)} {count}" for name, count in measured.nodes.items())
        yield f"Nodes on each provider: {placed}."
    if not measured.settled:
        yield "The warm-up did not settle: its last two windows differed still."
    drift = measured.summary.drift
    if drift.found:
        yield f"Latency drifted while it was measured, by {drift.change:+.1%} from the first to the last quarter."


def _estimate(found: Quantile) -> str:
    """20.12 [20.05 20.19], or how many samples that needs."""
    if found.value is None or found.low is None or found.high is None:
        return f"needs {found.needs}"
    return f"{_digits(found.value)} [{_digits(found.low)} {_digits(found.high)}]"


def _digits(value: float) -> str:
    """Four digits, three below 1: 0.0123, 20.12, 12345."""
    return f"{value:.0f}" if value >= 1000 else f"{value:#.{3 if value < 1 else 4}g}".rstrip(".")


def _place(measured: Measured) -> str:
    """The provider with the most nodes, and how many others there are: `CUDA +1`."""
    if measured.fallback is not None or not measured.nodes:
        return "CPU" if measured.fallback is not None else measured.device
    most = _short(max(measured.nodes, key=lambda name: measured.nodes[name]))
    return most if len(measured.nodes) == 1 else f"{most} +{len(measured.nodes) - 1}"


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
