"""What `bench` measured as a table for other programs: CSV with every figure, Markdown with those that people read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from resnet_export.bench.estimate import Estimate
from resnet_export.bench.results import BenchReport, CaseResult, Measured, Series
from resnet_export.report.bench.words import (
    case_name,
    condition,
    digits,
    file_name,
    machine_line,
    roofline,
    shown,
    throughput,
)
from resnet_export.report.kit import tables

HEADING = ("case", "min ms", "p50 ms", "p99 ms", "images/s", "x reference", "roofline", "grade")
OPTIONAL = ("x reference", "roofline", "grade")
"""Columns that are left out where no case has them."""
CONDITIONS = ("rate_per_s", "load", "gap_ms")
"""Conditions of a series that have a column; its batch and its callers have one in any case."""


def as_csv(report: BenchReport) -> str:
    """A row for each series, and one for each case that has none; times in milliseconds."""
    return tables.as_csv(row for case in report.cases for row in _csv_rows(case))


def as_markdown(report: BenchReport) -> str:
    """A table as GitHub shows it, with 95 % intervals in brackets; a row for each series, the probes too."""
    several = len({one.case.model.path for one in report.cases}) > 1
    found = [row for case in report.cases for row in rows(case, with_file=several)]
    kept = kept_columns(found)
    heading, *body = ([line[at] for at in kept] for line in (HEADING, *found))
    table = tables.as_markdown(heading, body, centred=[at for at, name in enumerate(heading) if name == "grade"])
    marks = "[95 % intervals]; ? where the samples support none, and at a roofline of grade D"
    where = f"{machine_line(report.machine)}, resnet-export {report.version}"
    return f"{table}\n\n{tables.markdown_cell(f'{marks}. {where}.')}"


def _estimate(name: str, unit: str, found: Estimate | None) -> dict[str, float | None]:
    """`p50_ms`, `p50_low_ms` and `p50_high_ms`."""
    value, low, high = (None, None, None) if found is None else (found.value, found.low, found.high)
    return {f"{name}{unit}": value, f"{name}_low{unit}": low, f"{name}_high{unit}": high}


def _csv_rows(result: CaseResult) -> Iterator[dict[str, Any]]:
    case, found, model = result.case, result.measured, result.case.model
    own: dict[str, Any] = {
        "model": model.path,
        "sha256": model.sha256,
        "file_bytes": model.size,
        "runtime": case.runtime,
        "threads": result.threads,
        "io": case.io,
        "scenario": case.scenario.name,
        "slo_p99_ms": case.scenario.slo_ms,
        "status": result.status,
        "reason": result.reason,
        "grade": result.grade and result.grade.letter,
        **_estimate("relative", "", None if result.relative is None else result.relative.ratio),
    }
    if found is None:
        yield {**own, "batch": case.batch}
        return
    own |= _cold_start(found)
    for series in found.series:
        share = result.roofline if series is found.main else None
        yield {**own, **_series(series), **tables.columns(share, "of_possible", "bound", prefix="roofline_")}


def _cold_start(found: Measured) -> dict[str, Any]:
    """What is the same in each row of a case."""
    times = tables.columns(found, "import_ns", "open_ns", "first_run_ns", "new_shape_ns")
    return {
        **tables.columns(found.ran, "version", "precision", "device"),
        **{name.replace("_ns", "_ms"): None if value is None else value / 1e6 for name, value in times.items()},
        "settled": found.settled,
        **vars(found.memory),
    }


def _series(series: Series) -> dict[str, Any]:
    latency = series.latency_ms
    estimates = tables.columns(latency, "p50", "p90", "p95", "p99", "mean")
    return {
        **{name: series.condition.get(name) for name in CONDITIONS},
        **tables.columns(series, "batch", "callers", "loop", "probe"),
        "duration_ms": series.duration_ns / 1e6,
        "min_ms": latency.min,
        **{key: value for name, one in estimates.items() for key, value in _estimate(name, "_ms", one).items()},
        "max_ms": latency.max,
        **_estimate("images_per_s", "", series.images_per_s),
        **tables.columns(latency, "samples", "effective_samples", "lag1_autocorrelation"),
        **tables.columns(latency.drift, "p_value", "change", "found", prefix="drift_"),
        **tables.columns(series.slo, "holds", prefix="slo_"),
    }


def rows(result: CaseResult, *, with_file: bool = False) -> Iterator[tuple[str, ...]]:
    """A row of text for each series, with the columns of `HEADING`; `with_file` names the file too."""
    name, found = case_name(result), result.measured
    name = f"{file_name(result.case.model.path)} in {name}" if with_file else name
    if found is None:
        yield (f"{name}: {result.status}", *[""] * (len(HEADING) - 1))
        return
    for series in found.series:
        own = condition(series) if len(found.series) > 1 else ""
        yield (f"{name}, {own}" if own else name, *figures(result, series))


def figures(result: CaseResult, series: Series) -> tuple[str, ...]:
    """What stands below `HEADING` of a series, behind its name; the last three of the one that stands for the case."""
    latency, is_main = series.latency_ms, result.measured is not None and series is result.measured.main
    return (
        digits(latency.min),
        shown(latency.p50),
        shown(latency.p99),
        throughput(series),
        shown(result.relative.ratio) if is_main and result.relative else "",
        roofline(result) if is_main else "",
        result.grade.letter if is_main and result.grade else "",
    )


def kept_columns(found: Iterable[Sequence[str]]) -> list[int]:
    """The columns of `HEADING` without those that no row needs."""
    cells = list(found)
    return [at for at, name in enumerate(HEADING) if name not in OPTIONAL or any(row[at] for row in cells)]
