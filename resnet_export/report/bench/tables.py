"""The tables of a page of measurements: the results, and what was before and beside them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export.report.bench.remarks import warnings
from resnet_export.report.bench.verdict import verdicts
from resnet_export.report.bench.words import (
    caption,
    condition,
    digits,
    file_name,
    group_name,
    megabytes,
    milliseconds,
    place,
    remedy,
    size_name,
)
from resnet_export.report.kit.page import datum, group, remark, row, table, text
from resnet_export.terminal import file_size

if TYPE_CHECKING:
    from resnet_export.bench.estimate import Estimate
    from resnet_export.bench.results import BenchReport, CaseResult

HEADING = ("case", "min ms", "p50 ms", "p99 ms", "images/s", "roofline", "peak memory MB", "ran on", "grade")
LEFT = (0, 7, 8)
"""Columns that are aligned to the left."""
EXPLANATION = (
    "p50: half of the runs are as fast or faster; p99: 99 of 100 are. In brackets: the 95 % interval; a question mark "
    "where the samples are too few, or resemble each other too much, for one. roofline: the least time that this "
    "machine's measured peaks allow, over p50; above 100 % where fast convolutions need fewer multiply-adds. grade: "
    "from A, nothing disturbed it, to D, it says more about the disturbance than about the network."
)


def results(report: BenchReport) -> Iterator[str]:
    """A table for each file, with remarks below the rows of a case, and which case is the fastest."""
    for path, cases in groupby(enumerate(report.cases), key=lambda entry: entry[1].case.model.path):
        found = list(cases)
        yield f"<h2>{text(file_name(path))} <small>{file_size(found[0][1].case.model.size)}</small></h2>"
        rows = []
        for name, own in groupby(found, key=lambda entry: group_name(entry[1])):
            rows.append(group(name, len(HEADING)))
            rows += [line for at, case in own for line in (*_rows(at, case), _remarks(case))]
        yield from table(f"Results of {file_name(path)}", HEADING, rows, LEFT)
    yield from (f"<p>{text(f'{told} {command}'.rstrip())}</p>" for told, command in verdicts(report))
    yield f'<p class="note">{text(EXPLANATION)}</p>'


def _rows(at: int, result: CaseResult) -> Iterator[str]:
    name, found = text(size_name(result)), result.measured
    if found is None:
        yield row([name, f'<span class="failed">{text(result.status)}</span>', *[""] * (len(HEADING) - 2)], LEFT)
        return
    peak, share = found.memory.peak_rss_bytes, result.roofline
    for index, series in enumerate(found.series):
        where, main, latency = f"cases/{at}/measured/series/{index}", series is found.main, series.latency_ms
        roofline = datum(f"{share.of_possible:.0%}", f"cases/{at}/roofline/of_possible") if main and share else ""
        memory = "-" if peak is None else datum(megabytes(peak), f"cases/{at}/measured/memory/peak_rss_bytes")
        cells = [
            text(condition(series) if len(found.series) > 1 else "") or name,
            datum(digits(latency.min), f"{where}/latency_ms/min"),
            _estimate(latency.p50, f"{where}/latency_ms/p50"),
            _estimate(latency.p99, f"{where}/latency_ms/p99"),
            _estimate(series.images_per_s, f"{where}/images_per_s", counted=series.loop == "open"),
            roofline,
            memory,
            text(place(found.ran)),
            f"<b>{result.grade.letter if main and result.grade else ''}</b>",
        ]
        yield row(cells, LEFT)


def _estimate(found: Estimate | None, where: str, *, counted: bool = False) -> str:
    """A figure with its interval; one that was counted has none."""
    if found is None:
        return "-"
    value = datum(digits(found.value), f"{where}/value")
    if counted:
        return value
    if found.interval is None:
        return f"{value} ?"
    ends = (datum(digits(end), f"{where}/{key}") for key, end in zip(("low", "high"), found.interval, strict=True))
    return f"{value} <small>[{' '.join(ends)}]</small>"


def _remarks(result: CaseResult) -> str:
    """What has to be known of a case, and what would make it better."""
    advice = () if result.grade is None else result.grade.advice
    return remark([*warnings(result), *(f"→ {remedy(one)}" for one in advice)], len(HEADING))


@dataclass(frozen=True)
class Column:
    """A column of a table that has a row for each case."""

    heading: str
    keys: tuple[str, ...]
    """Places in the JSON of a case; a list there stands for its median. Two of them are written as `1 to 2`."""
    show: Callable[[float], str] = digits
    note: str = ""
    """What the heading means, as a sentence."""


COLD_START = (
    Column("import ms", ("measured/import_ns",), milliseconds),
    Column("open ms", ("measured/open_ns",), milliseconds),
    Column("first run ms", ("measured/first_run_ns",), milliseconds),
    Column("new shape ms", ("measured/new_shape_ns",), milliseconds),
    Column("submit ms", ("measured/submit_ns",), milliseconds,
           "submit: until a run is handed over to the GPU, the median; part of p50."),
    Column("peak memory MB", ("measured/memory/peak_rss_bytes",), megabytes),
    Column("steady memory MB", ("measured/memory/steady_rss_bytes",), megabytes),
    Column("PSS MB", ("measured/memory/pss_bytes",), megabytes,
           "PSS: as steady, with shared pages counted by their share."),
    Column("GPU MB", ("measured/memory/gpu_memory_bytes",), megabytes,
           "GPU: how much more of its memory is in use than before."),
)  # fmt: skip
MEANWHILE = (
    Column("load", ("noise/load_before", "noise/load_after"), note="load: mean of a minute, before and after."),
    Column("CPUs of others", ("noise/others_cpus",), note="CPUs of others: that other processes used."),
    Column("stolen", ("noise/steal_share",), "{:.1%}".format,
           "stolen: the share of the CPUs' time that the hypervisor took."),
    Column("waited /s", ("noise/voluntary_per_s",), note="waited: times a second that a thread waited by itself."),
    Column("preempted /s", ("noise/involuntary_per_s",),
           note="preempted: times a second that a thread had to let others run."),
    Column("clock MHz", ("noise/clock_low_mhz", "noise/clock_high_mhz"),
           note="clock: the lowest and the highest seen."),
    Column("GPU slowed s", ("noise/gpu_slowed_s",),
           note="GPU slowed: for how long power or heat held its clock down."),
)  # fmt: skip


def conditions(cases: Sequence[CaseResult]) -> Iterator[str]:
    """A table for the cold start and the memory, and one for what happened while it was measured."""
    yield from _section("Cold start and memory", COLD_START, cases)
    yield from _section("While it was measured", MEANWHILE, cases)


def _section(title: str, columns: Sequence[Column], cases: Sequence[CaseResult]) -> Iterator[str]:
    """A row for each case that was measured; a column is left out where no case has its number."""
    found = [(at, case) for at, case in enumerate(cases) if case.measured is not None]
    kept = [one for one in columns if any(_number(case, one.keys[0]) is not None for _, case in found)]
    if not kept:
        return
    rows = [
        row([text(caption(cases, case)), *(_cell(column, f"cases/{at}", case) for column in kept)])
        for at, case in found
    ]
    yield f"<h2>{title}</h2>"
    yield from table(title, ("case", *(column.heading for column in kept)), rows)
    notes = " ".join(column.note for column in kept if column.note)
    if notes:
        yield f'<p class="note">{text(notes)}</p>'


def _cell(column: Column, where: str, case: CaseResult) -> str:
    known = {key: number for key in column.keys if (number := _number(case, key)) is not None}
    return " to ".join(datum(column.show(value), f"{where}/{key}") for key, value in known.items()) or "-"


def _number(case: CaseResult, path: str) -> float | None:
    """The number at a place in the JSON."""
    value: Any = case
    for key in path.split("/"):
        value = getattr(value, key, None)
    found: float | None = statistics.median(value) if isinstance(value, tuple) else value
    return found
