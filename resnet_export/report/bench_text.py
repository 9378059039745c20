"""What `bench` measured for a person at a terminal: plain text, 100 columns, fit for a bug report."""

from __future__ import annotations

import re
import statistics
from itertools import groupby
from typing import TYPE_CHECKING

from resnet_export import plain
from resnet_export.plain import printable, wrapped
from resnet_export.report.figures import condition, digits, estimate, megabytes, place, relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resnet_export.bench.case import Case
    from resnet_export.bench.measured import Measured
    from resnet_export.bench.results import BenchReport, CaseResult

WIDTH = 100
HEADING = ("runtime", "batch", "thr.", "p50 ms", "p99 ms", "images/s", "eff.", "peak", "ran on", "")
LEFT = (0, 3, 4, 8, 9)
"""Columns that are aligned to the left."""
LAYOUTS = ((14, "  "), (14, " "), (0, " "))
"""(characters of a runtime that share a line with its numbers, blanks between columns), of which the first that fits
is taken; a runtime with more options than that has a line of its own."""
LONG_WARM_UP_MS = 1000.0
"""From which on somebody who waits notices it, so that it is said."""
EXPLANATION = (
    "p50, p99: [95 % interval], distribution-free. eff.: independent samples that the measured ones are worth. "
    "needs N: N samples like these would support the number. peak: the least time that this machine's peaks allow, "
    "over p50. A to D: how far it can be trusted."
)


def render(report: BenchReport) -> str:
    """The machine, a table for each model with remarks below its rows, and what the columns mean."""
    blocks = [list(_title(report))]
    for path, results in groupby(report.cases, key=lambda result: result.case.model.path):
        blocks.append(list(_model(path, list(results), report)))
    advice = dict.fromkeys(
        one for grade in map(report.grade, report.cases) if grade is not None for one in grade.advice
    )
    if advice:
        blocks.append(["For a better grade:", *(line for one in advice for line in wrapped(printable(one), "  - "))])
    if any(result.measured is not None for result in report.cases):
        blocks.append(wrapped(EXPLANATION))
    return "\n\n".join("\n".join(block) for block in blocks)


def _title(report: BenchReport) -> Iterator[str]:
    machine = report.machine
    cpus = f"{machine.usable_cpus:g} of {machine.cpu.logical_cores} CPUs"
    yield from wrapped(printable(f"{machine.cpu.model or 'unknown CPU'}, {cpus}, {machine.system.name}"))


def _model(path: str, results: Sequence[CaseResult], report: BenchReport) -> Iterator[str]:
    """The rows of one model."""
    yield from _filled([printable(path), f" ({plain.file_size(results[0].case.model.size)})"], "")
    for longest, gap in LAYOUTS:
        table = [(result, list(_rows(result, report, longest))) for result in results]
        rows = [HEADING, *(row for _, own in table for row in own)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if 2 + sum(widths) + len(gap) * (len(widths) - 1) <= WIDTH:
            break
    yield _line(HEADING, widths, gap)
    for result, own in table:
        if own[0][0] != printable(result.case.runtime):
            yield from _filled(_behind_commas(printable(_what(result.case))), "  ")
        yield from (_line(row, widths, gap) for row in own)
        for remark in _remarks(result, report):
            yield from _indented(printable(remark))


def _indented(remark: str) -> Iterator[str]:
    """A remark in lines; a runtime with its options is a long word that is broken, and a path is one that isn't."""
    for line in wrapped(remark, "    "):
        whole = len(line) <= WIDTH or "/" in line or "\\" in line
        yield from [line] if whole else _filled(_behind_commas(line.strip()), "    ")


def _behind_commas(text: str) -> list[str]:
    """The parts between which it may be broken."""
    return re.split("(?<=,)", text)


def _filled(parts: Iterable[str], indent: str) -> Iterator[str]:
    """Lines of 100 columns made of parts that are never broken; those behind the first stand further in."""
    line = indent
    for part in parts:
        if line.strip() and len(f"{line}{part}".rstrip()) > WIDTH:
            yield line.rstrip()
            line = f"{indent}  {part.lstrip()}"
        else:
            line += part
    yield line.rstrip()


def _line(row: Sequence[str], widths: Sequence[int], gap: str) -> str:
    cells = zip(row, widths, strict=True)
    aligned = (cell.ljust(width) if at in LEFT else cell.rjust(width) for at, (cell, width) in enumerate(cells))
    return f"  {gap.join(aligned)}".rstrip()


def _what(case: Case) -> str:
    """The line above the rows of a case that has more to say than a column holds."""
    device = ["device to device"] if case.boundary == "device" else []
    return ", ".join([case.runtime, *device, *([] if case.scenario.name == "single" else [case.scenario.label])])


def _rows(result: CaseResult, report: BenchReport, longest: int) -> Iterator[tuple[str, ...]]:
    """A row for each series, but for the probes."""
    case, measured = result.case, result.measured
    name = printable(case.runtime) if _what(case) == case.runtime and len(case.runtime) <= longest else ""
    if measured is None:
        yield (name, str(case.batch), str(result.threads), result.status, *[""] * (len(HEADING) - 4))
        return
    share, grade = report.share(result), report.grade(result)
    for series in measured.series:
        if series.probe:
            continue
        found, rate = series.summary, series.images_per_s
        yield (
            name or condition({"condition": series.condition}),
            str(series.batch),
            str(result.threads),
            *(estimate(series.summary_keys(), name) for name in ("p50", "p99")),
            "-" if rate is None else digits(rate.value),
            f"{found.effective:.0f}",
            "" if share is None or series is not measured.main else f"{share.of_possible:.0%}",
            place({"nodes": measured.nodes, "device": measured.device}),
            "" if grade is None or series is not measured.main else grade.letter,
        )


def _remarks(result: CaseResult, report: BenchReport) -> Iterator[str]:
    """What has to be known of a row."""
    if result.measured is None:
        yield f"{result.reason}{'' if result.hint is None else f' {result.hint}'}"
        return
    if result.case.scenario.slo_p99_ms is not None:
        yield _slo(result.measured, result.case.scenario.slo_p99_ms)
    yield from _about(result.measured)
    yield from filter(None, [relative(result.relative_keys())])
    yield _cold_start(result.measured)
    grade = report.grade(result)
    yield from () if grade is None else grade.reasons


def _cold_start(measured: Measured) -> str:
    """Before the steady state, and the memory that it takes."""
    parts = {
        "libraries": measured.import_ms,
        "session": measured.open_ms,
        "first run": measured.first_run_ms,
        "first run of another batch": measured.new_shape_ms,
    }
    times = [f"{name} {digits(value)} ms" for name, value in parts.items() if value is not None]
    warm_up_ms = sum(measured.warm_up_ms)
    if warm_up_ms >= LONG_WARM_UP_MS:
        times.append(f"warm-up {plain.number(len(measured.warm_up_ms), 'run')}, {digits(warm_up_ms)} ms")
    memory = {"": measured.peak_rss_bytes, " on the GPU": measured.gpu_memory_bytes}
    sizes = " and".join(f" {megabytes(value)} MB{where}" for where, value in memory.items() if value)
    return f"Cold start: {', '.join(times)}.{f' Memory:{sizes}.' if sizes else ''}"


def _slo(measured: Measured, bound_ms: float) -> str:
    main = measured.main
    found = main.check_slo(bound_ms)
    told = f"{found.broken} of {plain.number(found.requests, 'request')} took longer"
    if found.holds:
        return f"p99 within {bound_ms:g} ms is shown up to {main.condition['rate_per_s']:.3g} requests/s: {told}."
    few = "" if found.breaks else ", which is too little to tell"
    return f"p99 within {bound_ms:g} ms is not shown: at {main.condition['rate_per_s']:.3g} requests/s {told}{few}."


def _about(measured: Measured) -> Iterator[str]:
    if measured.fallback is not None:
        yield f"FALLBACK: {measured.fallback}"
    if len(measured.nodes) > 1:
        placed = ", ".join(f"{_short(name)} {count}" for name, count in measured.nodes.items())
        yield f"Nodes on each provider: {placed}."
    if measured.submit_ms is not None:
        yield f"Of a run, {digits(statistics.median(measured.submit_ms))} ms (the median) go into handing it over."


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
