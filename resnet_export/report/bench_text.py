"""What `bench` measured for a person at a terminal: plain text, 80 columns for one case, fit for a bug report."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export import plain
from resnet_export.plain import printable, wrapped
from resnet_export.report.bench_remarks import facts, warnings
from resnet_export.report.bench_verdict import verdicts
from resnet_export.report.figures import condition, digits, estimate, told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Case = Mapping[str, Any]

WIDTH = 100
HEADING = ("", "min ms", "p50 ms", "p99 ms", "images/s", "roofline", "grade")
"""Of the first column, nothing: it says what tells a row from the others."""
LEFT = (0, 6)
"""Columns that are aligned to the left."""
NAMES = (WIDTH, 18, 0)
"""Characters of a name that shares a line with its numbers, of which the first that fits is taken; a longer one has a
line of its own."""
MOST_ADVICE = 2
"""Lines, where nobody asked for all."""
COMMAND = "resnet-export bench ..."
"""What stands in a sentence for the command that was given."""
EXPLANATION = "p50: half of the runs are as fast or faster; p99: 99 of 100 are; in brackets, the 95% interval."
ROOFLINE = " roofline: how much of this machine's speed is used."
GRADE = " grade: A (nothing disturbed it) to D (of little use)."
MARK = "?: no interval, since the samples are too few or resemble each other too much."


def render(
    report: Mapping[str, Any], *, verbose: bool = False, again: Callable[[str], str] = f"{COMMAND} {{}}".format
) -> str:
    """The machine, a table for each file with remarks below its rows, which case is fastest, and what the columns mean.

    Args:
        report: as `BenchReport.as_dict` gives it.
        verbose: show all remarks and all advice.
        again: from options to the command that was given, with these options.
    """
    cases = report["cases"]
    by_file = groupby(cases, key=lambda case: str(case["model"]))
    tables = [list(_table(path, list(own), verbose=verbose)) for path, own in by_file]
    fastest = [line for told, command in verdicts(report) for line in (*wrapped(told), f"  {command}") if line.strip()]
    advice = list(_advice(cases, again))[: None if verbose else MOST_ADVICE]
    better = ["To measure it better:", *(line for one in advice for line in one)] if advice else []
    blocks = [list(_title(report["machine"])), *tables, fastest, better, list(_explanation(cases, tables))]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _explanation(cases: Sequence[Case], tables: Iterable[Iterable[str]]) -> Iterator[str]:
    """What the columns and the mark mean, where there are some."""
    if any(case["status"] == "measured" for case in cases):
        yield from wrapped(f"{EXPLANATION}{ROOFLINE if any(case['roofline'] for case in cases) else ''}{GRADE}")
    if any(re.search(r"\d \?", line) for table in tables for line in table):
        yield MARK


def _title(machine: Mapping[str, Any]) -> Iterator[str]:
    cpu = machine["cpu"]
    cpus = f"{machine['usable_cpus']:g} of {cpu['logical_cores']} CPUs"
    yield from wrapped(printable(f"{cpu['model'] or 'unknown CPU'}, {cpus}, {machine['system']['name']}"))


def _table(path: str, cases: Sequence[Case], *, verbose: bool) -> Iterator[str]:
    """The rows of one file; what its cases share stands above them."""
    common, names = told_apart([{**case, "model": ""} for case in cases])
    size = f" ({plain.file_size(cases[0]['file_bytes'])})"
    yield from _filled([printable(path), size, *_behind_commas(f", {printable(common)}" if common else "")], "")
    for longest in NAMES:
        rows = [list(_rows(case, printable(name), longest)) for case, name in zip(cases, names, strict=True)]
        shown = [HEADING, *(row for own in rows for row in own)]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        kept = [at for at in range(len(HEADING)) if any(row[at] for row in shown[1:])]
        if 2 * len(kept) + sum(widths[at] for at in kept) <= WIDTH:
            break
    yield _line(HEADING, widths, kept)
    for case, name, own in zip(cases, map(printable, names), rows, strict=True):
        if name and own[0][0] != name:
            yield from _filled(_behind_commas(name), "  ")
        yield from (_line(row, widths, kept) for row in own)
        for remark in _remarks(case, verbose=verbose):
            yield from _indented(printable(remark))


def _rows(case: Case, name: str, longest: int) -> Iterator[tuple[str, ...]]:
    """A row for each series."""
    if case["status"] != "measured":
        yield (name if len(name) <= longest else "", "", case["status"], *[""] * (len(HEADING) - 3))
        return
    share, grade = (case[key] or {} for key in ("roofline", "grade"))
    several = len(case["series"]) > 1
    for at, series in enumerate(case["series"]):
        main = at == case["headline"]
        yield (
            condition(series) if several else name if len(name) <= longest else "",
            digits(series["min_ms"]),
            *(estimate(series, quantile) for quantile in ("p50", "p99")),
            _rate(series),
            f"{share['of_possible']:.0%}" if main and share else "",
            grade["letter"] if main and grade else "",
        )


def _rate(series: Mapping[str, Any]) -> str:
    """Without its interval, which is as wide as p50's; nothing where requests come at a rate of their own."""
    value, low = series["images_per_s"], series["images_per_s_low"]
    return "" if value is None or series["loop"] == "open" else f"{digits(value)}{' ?' if low is None else ''}"


def _remarks(case: Case, *, verbose: bool) -> list[str]:
    """The most important one, or all."""
    urgent, others = warnings(case), list(facts(case))
    if verbose:
        return [*urgent, *others]
    more = f" (-v: {len(urgent) - 1} more)" if len(urgent) > 1 else ""
    return [f"{urgent[0]}{more}"] if urgent else others[:1]


def _advice(cases: Iterable[Case], again: Callable[[str], str]) -> Iterator[list[str]]:
    """In lines, that for the worst grades first; options together make one command."""
    grades = sorted(filter(None, (case.get("grade") for case in cases)), key=lambda one: one["letter"], reverse=True)
    told = list(dict.fromkeys(one for grade in grades for one in grade["advice"]))
    options = {one.split()[0]: one for one in reversed(told) if one.startswith("--")}
    if options:
        yield [f"  {again(' '.join(options.values()))}".rstrip()]
    for one in told:
        if COMMAND in one:
            before, after = one.split(COMMAND)
            yield [f"  {before}{again('').rstrip()}{after}"]
        elif not one.startswith("--"):
            yield wrapped(printable(one), "  ")


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


def _line(row: Sequence[str], widths: Sequence[int], kept: Sequence[int]) -> str:
    cells = (row[at].ljust(widths[at]) if at in LEFT else row[at].rjust(widths[at]) for at in kept)
    return f"  {'  '.join(cells)}".rstrip()
