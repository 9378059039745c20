"""The tables of a page of measurements: a row for each series, with remarks on each case below."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export import plain
from resnet_export.report.bench_remarks import warnings
from resnet_export.report.bench_verdict import verdicts
from resnet_export.report.chart import text
from resnet_export.report.elements import figure, row, table
from resnet_export.report.figures import condition, file_name, group_name, megabytes, place, remedy, size_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HEADING = ("case", "min ms", "p50 ms", "p99 ms", "images/s", "roofline", "peak memory MB", "ran on", "grade")
LEFT = (0, 7, 8)
"""Columns that are aligned to the left."""
EXPLANATION = (
    "p50: half of the runs are as fast or faster; p99: 99 of 100 are. In brackets: the 95 % interval; a question mark "
    "where the samples are too few, or resemble each other too much, for one. roofline: the least time that this "
    "machine's measured peaks allow, over p50; above 100 % where fast convolutions need fewer multiply-adds. grade: "
    "from A, nothing disturbed it, to D, it says more about the disturbance than about the network."
)


def sections(report: Mapping[str, Any]) -> Iterator[str]:
    """A table for each file, with remarks below the rows of a case, and which case is the fastest."""
    cases: Sequence[Mapping[str, Any]] = report["cases"]
    for path, group in groupby(enumerate(cases), key=lambda entry: str(entry[1]["model"])):
        found = list(group)
        yield f"<h2>{text(file_name(path))} <small>{plain.file_size(found[0][1]['file_bytes'])}</small></h2>"
        rows = []
        for name, own in groupby(found, key=lambda entry: group_name(entry[1])):
            rows.append(f'<tr><th class="left group" colspan="{len(HEADING)}">{text(name)}</th></tr>')
            rows += [line for at, case in own for line in (*_rows(at, case), *_remarks(case))]
        yield from table(f"Results of {file_name(path)}", HEADING, rows, LEFT)
    yield from (f"<p>{text(f'{told} {command}'.rstrip())}</p>" for told, command in verdicts(report))
    yield f'<p class="note">{EXPLANATION}</p>'


def _rows(at: int, case: Mapping[str, Any]) -> Iterator[str]:
    name = text(size_name(case))
    if case["status"] != "measured":
        yield row([name, f'<span class="failed">{text(case["status"])}</span>', *[""] * (len(HEADING) - 2)], LEFT)
        return
    grade, peak = text((case.get("grade") or {}).get("letter") or ""), case["peak_rss_bytes"]
    several = len(case["series"]) > 1
    for index, series in enumerate(case["series"]):
        where, main = f"cases/{at}/series/{index}", index == case["headline"]
        cells = [
            text(condition(series) if several else "") or name,
            figure(series["min_ms"], f"{where}/min_ms"),
            *(_estimate(series, f"{quantile}_{{}}ms", where) for quantile in ("p50", "p99")),
            _estimate(series, "images_per_s{}", where),
            _roofline(at, case) if main else "",
            "-" if peak is None else figure(peak, f"cases/{at}/peak_rss_bytes", megabytes(peak)),
            text(place(case)),
            f"<b>{grade if main else ''}</b>",
        ]
        yield row(cells, LEFT)


def _roofline(at: int, case: Mapping[str, Any]) -> str:
    """The share of the roofline; empty where it isn't known."""
    share = (case.get("roofline") or {}).get("of_possible")
    return "" if share is None else figure(share, f"cases/{at}/roofline/of_possible", f"{share:.0%}")


def _estimate(found: Mapping[str, Any], pattern: str, where: str) -> str:
    """A figure with its interval; `pattern` is its key with a place for `low_` and `high_`."""
    ends = ("", "_low", "_high") if pattern.endswith("{}") else ("", "low_", "high_")
    keys = [pattern.format(end) for end in ends]
    value, low, high = (found.get(key) for key in keys)
    if value is None:
        return "-"
    shown = figure(value, f"{where}/{keys[0]}")
    if found["loop"] == "open" and "images" in pattern:
        return shown  # counted, not estimated
    if low is None or high is None:
        return f"{shown} ?"
    return f"{shown} <small>[{figure(low, f'{where}/{keys[1]}')} {figure(high, f'{where}/{keys[2]}')}]</small>"


def _remarks(case: Mapping[str, Any]) -> Iterator[str]:
    """What has to be known of a case, and what would make it better."""
    told = [*warnings(case), *(f"→ {remedy(advice)}" for advice in (case.get("grade") or {}).get("advice", ()))]
    if told:
        lines = "".join(f"<div>{text(line)}</div>" for line in told)
        yield f'<tr><td class="left remark" colspan="{len(HEADING)}">{lines}</td></tr>'
