"""The tables of a page of measurements that tell what was before the samples of a case, and what happened beside them.

A column is left out where no case has its number.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resnet_export.report.chart import text
from resnet_export.report.elements import figure, row, table
from resnet_export.report.figures import caption, digits, megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Column:
    """One of a table that has a row for each case."""

    heading: str
    keys: tuple[str, ...]
    """Of the JSON; a list there stands for its median. Two of them are written as `1 to 2`."""
    show: Callable[[float], str] = digits
    note: str = ""
    """What the heading means, as a sentence."""


COLD_START = (
    Column("import ms", ("import_ms",)),
    Column("open ms", ("open_ms",)),
    Column("first run ms", ("first_run_ms",)),
    Column("new shape ms", ("new_shape_ms",)),
    Column("submit ms", ("submit_ms",), note="submit: until a run is handed over to the GPU, the median; part of p50."),
    Column("peak memory MB", ("peak_rss_bytes",), megabytes),
    Column("steady memory MB", ("steady_rss_bytes",), megabytes),
    Column("PSS MB", ("pss_bytes",), megabytes, "PSS: as steady, with shared pages counted by their share."),
    Column("GPU MB", ("gpu_memory_bytes",), megabytes, "GPU: how much more of its memory is in use than before."),
)
MEANWHILE = (
    Column("load", ("load_before", "load_after"), note="load: of a minute, before and after."),
    Column("CPUs of others", ("others_cpus",), note="CPUs of others: that other processes used."),
    Column(
        "stolen", ("steal_share",), "{:.1%}".format, "stolen: the share of the CPUs' time that the hypervisor took."
    ),
    Column("waited /s", ("voluntary_per_s",), note="waited: times a second that a thread waited by itself."),
    Column("put aside /s", ("involuntary_per_s",), note="put aside: times a second that one had to let others run."),
    Column("clock MHz", ("clock_low_mhz", "clock_high_mhz"), note="clock: the lowest and the highest seen."),
    Column("GPU slowed s", ("gpu_slowed_s",), note="GPU slowed: for how long power or heat held its clock down."),
)


def sections(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table for the cold start and the memory, and one for what happened while it was measured."""
    measured = [(at, case) for at, case in enumerate(cases) if case["status"] == "measured"]
    names = [text(caption(cases, case)) for _, case in measured]
    before = [(f"cases/{at}", case) for at, case in measured]
    beside = [(f"cases/{at}/noise", case.get("noise") or {}) for at, case in measured]
    yield from _section("Cold start and memory", COLD_START, names, before)
    yield from _section("While it was measured", MEANWHILE, names, beside)


def _section(
    title: str, columns: Sequence[Column], names: Sequence[str], found: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    """A row for each name, of the numbers that were found for it and their place in the JSON."""
    shown = [one for one in columns if any(numbers.get(one.keys[0]) is not None for _, numbers in found)]
    if not shown:
        return
    rows = [
        row([name, *(_cell(column, where, numbers) for column in shown)], (0,))
        for name, (where, numbers) in zip(names, found, strict=True)
    ]
    yield f"<h2>{title}</h2>"
    yield from table(title, ("case", *(column.heading for column in shown)), rows, (0,))
    notes = " ".join(column.note for column in shown if column.note)
    if notes:
        yield f'<p class="note">{notes}</p>'


def _cell(column: Column, where: str, numbers: Mapping[str, Any]) -> str:
    known = {key: _number(numbers[key]) for key in column.keys if numbers.get(key) is not None}
    return " to ".join(figure(value, f"{where}/{key}", column.show(value)) for key, value in known.items()) or "-"


def _number(value: float | Sequence[float]) -> float:
    return value if isinstance(value, int | float) else statistics.median(value)
