"""What `bench` measured as a table for other programs: CSV with every figure, Markdown with those that people read."""

from __future__ import annotations

import csv
import io
import statistics
from typing import TYPE_CHECKING, Any

from resnet_export.plain import number, printable
from resnet_export.report.figures import case_name, condition, digits, estimate, file_name, throughput, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CASE_KEYS = (
    "model", "sha256", "file_bytes", "runtime", "version", "precision", "device", "threads", "boundary", "status",
    "reason", "import_ms", "open_ms", "first_run_ms", "new_shape_ms", "settled", "peak_rss_bytes", "steady_rss_bytes",
    "pss_bytes", "gpu_memory_bytes",
)  # fmt: skip
"""Of a case, the same in each of its rows."""
RELATIVE = {f"relative{end}": f"ratio{end}" for end in ("", "_low", "_high")}
"""Column -> key of what tells how a case stands to the reference network."""
CONDITIONS = ("rate_per_s", "load", "gap_ms")
"""Of a series; its batch and its callers have columns in any case."""
NOT_IN_CSV = frozenset({"condition", "drift", "samples_ms", "slo"})
"""Keys of a series that are no single figure."""
HEADING = ("case", "min ms", "p50 ms", "p99 ms", "images/s", "x reference", "roofline", "grade")
OPTIONAL = ("x reference", "roofline", "grade")
"""Columns that are left out where no case has them."""


def as_csv(report: Mapping[str, Any]) -> str:
    """A row for each series, and one for each case that has none; the columns are the JSON's keys.

    Args:
        report: as `BenchReport.as_dict` gives it.
    """
    rows = [row for case in report["cases"] for row in _csv_rows(case)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _value(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def as_markdown(report: Mapping[str, Any]) -> str:
    """A table as GitHub shows it, with 95 % intervals in brackets; a row for each series, the probes too.

    Args:
        report: as `BenchReport.as_dict` gives it.
    """
    several = len({case["model"] for case in report["cases"]}) > 1
    rows = [row for case in report["cases"] for row in _markdown_rows(case, several=several)]
    kept = [at for at, name in enumerate(HEADING) if name not in OPTIONAL or any(row[at] for row in rows)]
    lines = [HEADING, ("---", *["---:"] * (len(HEADING) - 2), ":---:"), *rows]
    shown = ([line[at] for at in kept] for line in lines)
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in shown) + f"\n\n{_machine(report)}\n"


def _value(value: Any) -> Any:
    """Truth as JSON writes it, and text in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    return printable(value) if isinstance(value, str) else value


def _csv_rows(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    grade = case.get("grade") or {}
    own = {name: case.get(name) for name in CASE_KEYS}
    own |= {"scenario": case["scenario"]["name"], "slo_p99_ms": case["scenario"]["slo_p99_ms"]}
    relative = case.get("relative") or {}
    own |= {name: relative.get(key) for name, key in RELATIVE.items()}
    own |= {"grade": grade.get("letter"), "submit_ms": _median(case.get("submit_ms"))}
    if case["status"] != "measured":
        yield {**own, "batch": case["batch"]}
        return
    for at, series in enumerate(case["series"]):
        slo, drift, share = series.get("slo") or {}, series["drift"] or {}, _share(case, at)
        yield {
            **own,
            **{name: series["condition"].get(name) for name in CONDITIONS},
            **{name: value for name, value in series.items() if name not in NOT_IN_CSV},
            "roofline_of_possible": share.get("of_possible"),
            "roofline_bound": share.get("bound"),
            "slo_holds": slo.get("holds"),
            **{f"drift_{name}": drift.get(name) for name in ("p_value", "change", "found")},
        }


def _markdown_rows(case: Mapping[str, Any], *, several: bool) -> Iterator[tuple[str, ...]]:
    name = f"{file_name(case['model'])} in {case_name(case)}" if several else case_name(case)
    if case["status"] != "measured":
        yield (f"{name}: {case['status']}", *[""] * (len(HEADING) - 1))
        return
    grade = (case.get("grade") or {}).get("letter") or ""
    for at, series in enumerate(case["series"]):
        own = condition(series) if len(case["series"]) > 1 else ""
        share, main = _share(case, at).get("of_possible"), at == case["headline"]
        yield (
            f"{name}, {own}" if own else name,
            digits(series["min_ms"]),
            estimate(series, "p50"),
            estimate(series, "p99"),
            throughput(series),
            _relative(case) if main else "",
            "" if share is None else f"{share:.0%}",
            grade if main else "",
        )


def _share(case: Mapping[str, Any], series: int) -> Mapping[str, Any]:
    """The roofline's, which belongs to the series that stands for the case; of another there is none."""
    return (case.get("roofline") or {}) if series == case["headline"] else {}


def _relative(case: Mapping[str, Any]) -> str:
    told = case.get("relative")
    return "" if told is None else with_interval(told["ratio"], told["ratio_low"], told["ratio_high"])


def _median(values: Sequence[float] | None) -> float | None:
    return None if values is None else statistics.median(values)


def _machine(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    cpu = machine["cpu"]["model"] or "unknown CPU"
    usable = number(int(machine["usable_cpus"]), "CPU")
    where = f"{cpu}, {usable}, {machine['system']['name']}, resnet-export {report['version']}"
    return _cell(f"[95 % intervals]; ? where the samples support none. {where}.")


def _cell(text: str) -> str:
    """One line without the mark that ends a cell, or markup."""
    shown = printable(text).replace("\\", "\\\\")
    for mark in "|<*_`":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
