"""What `bench` measured for a person at a terminal: plain text, fit for a bug report."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from resnet_export.bench.results import BenchReport, CaseResult, Series
from resnet_export.report.bench.remarks import facts, warnings
from resnet_export.report.bench.table import figures
from resnet_export.report.bench.verdict import verdicts
from resnet_export.report.bench.words import advice, condition, digits, file_name, machine_line, told_apart
from resnet_export.terminal import NO_BREAK, WIDE, Row, blocks, file_size, listed, printable, table, wrapped

HEADING = ("", "min ms", "p50 ms", "p99 ms", "images/s", "roofline", "grade")
"""The first column says what tells a row from the others."""
LEFT = (0, 6)
"""Columns that are aligned to the left."""
MOST_ADVICE = 2
"""Lines of advice, where nobody asked for all."""
COMMAND = "resnet-export bench ..."
"""What stands in a sentence for the command that was given."""
EXPLANATION = (
    "p50: half of the runs are as fast or faster; p99: 99 of 100 are; in brackets, the 95% interval, for the machine "
    "as it was."
)
RATE = " images/s: batch over the mean."
ROOFLINE = " roofline: how much of this machine's measured speed is used; ? at grade D, which disturbs that speed too."
GRADE = " grade: A (nothing disturbed it) to D (of little use)."
MARK = "?: no interval, since the samples are too few or resemble each other too much."


def render(
    report: BenchReport, *, verbose: bool = False, again: Callable[[str], str] = f"{COMMAND} {{}}".format
) -> str:
    """The machine, a table for each file with remarks below its rows, which case is fastest, and what the columns mean.

    Args:
        report: what was measured.
        verbose: show all remarks and all advice.
        again: from options to the command that was given, with these options.
    """
    by_file = groupby(report.cases, key=lambda one: one.case.model.path)
    tables = [list(_table(path, list(own), verbose=verbose)) for path, own in by_file]
    fastest = [line for told, command in verdicts(report) for line in (*wrapped(told), f"  {command}") if line.strip()]
    told = list(_advice(report.cases, again))[: None if verbose else MOST_ADVICE]
    better = ["To measure it better:", *(line for one in told for line in one)] if told else []
    title = wrapped(printable(machine_line(report.machine)))
    return blocks(title, *tables, fastest, better, _explanation(report.cases))


def _explanation(cases: Sequence[CaseResult]) -> Iterator[str]:
    """What the columns and the mark mean, where there are some."""
    series = [one for case in cases if case.measured is not None for one in case.measured.series]
    if series:
        yield from wrapped(f"{EXPLANATION}{RATE}{ROOFLINE if any(case.roofline for case in cases) else ''}{GRADE}")
    if not all(one.latency_ms.p50.has_interval and one.latency_ms.p99.has_interval for one in series):
        yield MARK


def _table(path: str, cases: Sequence[CaseResult], *, verbose: bool) -> Iterator[str]:
    """The rows of one file; what its cases share stands above them."""
    common, names = told_apart(cases)
    shared = printable(common.removeprefix(file_name(path))).split(", ")
    name, size = printable(path), f"({file_size(cases[0].case.model.size)})"
    file = " ".join(one.replace(" ", NO_BREAK) for one in (name, size))
    title = wrapped(listed([file, *filter(None, shared)]), "  ", width=WIDE)
    yield from (title[0].lstrip(), *title[1:])
    rows = [
        row for case, name in zip(cases, names, strict=True) for row in _rows(case, printable(name), verbose=verbose)
    ]
    yield from table(HEADING, rows, left=LEFT, width=WIDE)


def _rows(result: CaseResult, name: str, *, verbose: bool) -> list[Row]:
    """A row for each series; the last has the remarks."""
    remarks, found = _remarks(result, verbose=verbose), result.measured
    if found is None:
        return [Row((name, "", result.status, *[""] * (len(HEADING) - 3)), remarks)]
    cells = []
    for series in found.series:
        *latency, _, _, share, letter = figures(result, series)
        own = condition(series) if len(found.series) > 1 else name
        cells.append((own, *latency, _rate(series), share, letter))
    above = [Row((name, *[""] * (len(HEADING) - 1)))] if name and len(cells) > 1 else []
    return [*above, *map(Row, cells[:-1]), Row(cells[-1], remarks)]


def _rate(series: Series) -> str:
    """Without its interval, which is as wide as p50's; nothing where requests come at a rate of their own."""
    rate = series.images_per_s
    return "" if rate is None or series.loop == "open" else f"{digits(rate.value)}{'' if rate.has_interval else ' ?'}"


def _remarks(result: CaseResult, *, verbose: bool) -> list[str]:
    """The most important one, or all."""
    urgent, others = warnings(result), list(facts(result))
    if verbose:
        return [*urgent, *others]
    more = f" (-v: {len(urgent) - 1} more)" if len(urgent) > 1 else ""
    return [f"{urgent[0]}{more}"] if urgent else others[:1]


def _advice(cases: Iterable[CaseResult], again: Callable[[str], str]) -> Iterator[list[str]]:
    """In lines, that for the worst grades first; options together make one command."""
    graded = sorted(cases, key=lambda one: one.grade.letter if one.grade else "", reverse=True)
    told = list(dict.fromkeys(said for one in graded for said in advice(one)))
    options = {one.split()[0]: one for one in reversed(told) if one.startswith("--")}
    if options:
        yield [f"  {again(' '.join(options.values()))}".rstrip()]
    for one in told:
        if COMMAND in one:
            before, after = one.split(COMMAND)
            yield [f"  {before}{again('').rstrip()}{after}"]
        elif not one.startswith("--"):
            yield wrapped(printable(one), "  ")
