from __future__ import annotations

import csv
import dataclasses
import io
import re
from typing import TYPE_CHECKING

import pytest

from resnet_export.report.bench.table import as_csv, as_markdown
from tests.report.bench.examples import EXAMPLE, RELATIVE, of, replaced

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport

FIRST = EXAMPLE.cases[0]
SERIES = [
    (case, series) for case in EXAMPLE.cases for series in (case.measured.series if case.measured is not None else ())
]
BESIDE = of(dataclasses.replace(FIRST, relative=RELATIVE))


def parsed(report: BenchReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report))))


def test_csv_has_a_row_for_each_series_and_each_failure() -> None:
    rows = parsed(EXAMPLE)
    assert len(rows) == len(SERIES) + 1
    crashed = rows[-1]
    assert (crashed["status"], crashed["p50_ms"], crashed["batch"]) == ("crashed", "", "1")


def test_csv_holds_the_figures_of_the_json() -> None:
    for row, (case, series) in zip(parsed(EXAMPLE), SERIES, strict=False):
        latency, found, grade = series.latency_ms, case.measured, case.grade
        assert found is not None
        assert grade is not None
        expected = {
            "runtime": case.case.runtime,
            "threads": case.threads,
            "grade": grade.letter,
            "import_ms": found.import_ns / 1e6,
            "peak_rss_bytes": found.memory.peak_rss_bytes,
            "settled": "true",
            "batch": series.batch,
            "loop": series.loop,
            "probe": "false",
            "duration_ms": series.duration_ns / 1e6,
            "min_ms": latency.min,
            "max_ms": latency.max,
            "samples": latency.samples,
            "effective_samples": latency.effective_samples,
            "lag1_autocorrelation": latency.lag1_autocorrelation,
            "drift_p_value": None if latency.drift is None else latency.drift.p_value,
            **{name: series.condition.get(name) for name in ("rate_per_s", "load", "gap_ms")},
        }
        estimates = {f"{name}{{}}_ms": getattr(latency, name) for name in ("p50", "p90", "p95", "p99", "mean")}
        for name, one in {**estimates, "images_per_s{}": series.images_per_s}.items():
            for part, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                expected[name.format(end)] = None if one is None else getattr(one, part)
        shown = {name: "" if value is None else str(value) for name, value in expected.items()}
        assert {name: row[name] for name in shown} == shown


def test_csv_says_which_rates_keep_the_bound() -> None:
    server = [row for row in parsed(EXAMPLE) if row["scenario"] == "server"]
    assert [row["slo_p99_ms"] for row in server] == ["80.0"] * 5
    assert [row["slo_holds"] for row in server] == ["true", "true", "false", "false", "false"]


def test_csv_has_the_share_of_the_roofline_in_the_row_that_it_belongs_to() -> None:
    rows = parsed(EXAMPLE)
    assert FIRST.roofline is not None
    assert (rows[0]["roofline_of_possible"], rows[0]["roofline_bound"]) == (str(FIRST.roofline.of_possible), "compute")
    idle = [row for row in rows if row["scenario"] == "idle"]
    assert [bool(row["roofline_of_possible"]) for row in idle] == [True, False, False, False, False]
    assert rows[-1]["roofline_bound"] == ""


def test_csv_says_how_a_case_stands_to_the_reference_network() -> None:
    (row,) = parsed(BESIDE)
    assert (row["relative"], row["relative_low"], row["relative_high"]) == ("2.824", "2.783", "2.863")


def test_markdown_has_a_column_for_it() -> None:
    heading, _, row, *_ = as_markdown(BESIDE).split("\n")
    assert " x reference " in heading
    assert "| 2.824 [2.783 2.863] |" in row
    assert "x reference" not in as_markdown(EXAMPLE)


def test_markdown_has_intervals() -> None:
    lines = as_markdown(EXAMPLE).splitlines()
    assert lines[:2] == [
        "| case | min ms | p50 ms | p99 ms | images/s | roofline | grade |",
        "| --- | ---: | ---: | ---: | ---: | ---: | :---: |",
    ]  # fmt: skip
    latency = SERIES[0][1].latency_ms
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[0] == "ort:cpu, batch 1, 1 thread"
    assert float(cells[1]) == pytest.approx(latency.min, rel=5e-4)
    p50 = cells[2].replace("[", "").replace("]", "").split()
    assert [*map(float, p50)] == pytest.approx([latency.p50.value, latency.p50.low, latency.p50.high], rel=5e-4)
    assert FIRST.roofline is not None
    assert cells[5:] == [f"{FIRST.roofline.of_possible:.0%}", "A"]
    few = next(line for line in lines if " ? |" in line)
    assert re.fullmatch(r"\| ort:cpu, batch 1, 2 threads \| 1\d\.\d+ \| \S+ \[\S+ \S+\] \| 2\d\.\d+ \? \| .*", few)
    assert "| ort:cpu, batch 1, 2 threads: crashed |  |  |  |  |  |  |" in lines
    assert all(line.count("|") == 8 for line in lines if line.startswith("|"))


def test_markdown_of_several_files_names_them_and_what_no_case_has_is_no_column() -> None:
    cases = [
        replaced(case, grade=None, roofline=None, case__model__path=f"folder/{at % 2}.onnx")
        for at, case in enumerate(EXAMPLE.cases)
    ]
    lines = as_markdown(of(*cases)).splitlines()
    assert lines[0] == "| case | min ms | p50 ms | p99 ms | images/s |"
    assert lines[2].startswith("| 0.onnx in ort:cpu, batch 1, 1 thread | ")


def test_text_of_others_breaks_nothing() -> None:
    evil = 'a|b\n<b>"c",*d*'
    cases = [replaced(case, case__runtime=evil, case__model__path=evil, reason=evil) for case in EXAMPLE.cases]
    report = of(*cases)
    assert {row["runtime"] for row in parsed(report)} == {'a|b <b>"c",*d*'}
    lines = as_markdown(report).splitlines()
    assert all(line.replace("\\|", "").count("|") == 8 for line in lines if line.startswith("|"))
    assert "<b>" not in "".join(lines).replace("\\<b>", "")


def test_every_cell_of_a_measured_case_is_a_number() -> None:
    for line in as_markdown(EXAMPLE).splitlines()[2:-2]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "crashed" not in cells[0]:
            assert all(re.match(r"\d", cell) for cell in cells[1:4]), line
    for row in parsed(EXAMPLE):
        if row["status"] == "measured":
            assert all(float(row[f"{name}_ms"]) > 0 for name in ("min", "p50", "p90", "p95", "p99", "max", "mean"))
