from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from resnet_export.bench.relative import Relative
from resnet_export.report.bench_table import as_csv, as_markdown
from tests.report.bench_examples import EXAMPLE, changed


def parsed(report: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report))))


def test_csv_has_a_row_for_each_series_and_each_failure() -> None:
    rows = parsed(EXAMPLE)
    assert len(rows) == sum(len(case.get("series", [None])) for case in EXAMPLE["cases"])
    crashed = rows[-1]
    assert (crashed["status"], crashed["p50_ms"], crashed["batch"]) == ("crashed", "", "1")


def test_csv_holds_the_figures_of_the_json() -> None:
    rows = iter(parsed(EXAMPLE))
    for case in EXAMPLE["cases"]:
        for series in case.get("series", ()):
            row = next(rows)
            assert (row["runtime"], int(row["threads"]), row["grade"]) == (
                case["runtime"], case["threads"], case["grade"]["letter"]
            )  # fmt: skip
            for name, value in series.items():
                if name not in ("condition", "drift", "samples_ms", "slo"):
                    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
                    assert row[name] == text, name
            assert row["rate_per_s"] == str(series["condition"].get("rate_per_s", ""))
            assert row["gap_ms"] == str(series["condition"].get("gap_ms", ""))


def test_csv_says_which_rates_keep_the_bound() -> None:
    server = [row for row in parsed(EXAMPLE) if row["scenario"] == "server"]
    assert [row["slo_p99_ms"] for row in server] == ["80.0"] * 5
    assert [row["slo_holds"] for row in server] == ["true", "true", "false", "false", "false"]


def test_csv_has_the_share_of_the_roofline_in_the_row_that_it_belongs_to() -> None:
    rows = parsed(EXAMPLE)
    first = EXAMPLE["cases"][0]["roofline"]
    assert (rows[0]["roofline_of_possible"], rows[0]["roofline_bound"]) == (str(first["of_possible"]), "compute")
    idle = [row for row in rows if row["scenario"] == "idle"]
    assert [bool(row["roofline_of_possible"]) for row in idle] == [True, False, False, False, False]
    assert rows[-1]["roofline_bound"] == ""


def test_csv_says_how_a_case_stands_to_the_reference_network() -> None:
    told = Relative(2.824, 2.783, 2.863, 11, "reference network 1 in onnxruntime 1.31.1", 6.1, ())
    (row, *_) = parsed({**EXAMPLE, "cases": [{**EXAMPLE["cases"][0], "relative": told.as_dict()}]})
    assert (row["relative"], row["relative_low"], row["relative_high"]) == ("2.824", "2.783", "2.863")


def test_markdown_has_a_column_for_it() -> None:
    told = Relative(2.824, 2.783, 2.863, 11, "reference network 1 in onnxruntime 1.31.1", 6.1, ())
    cases = [{**EXAMPLE["cases"][0], "relative": told.as_dict()}]
    heading, _, row, *_ = as_markdown({**EXAMPLE, "cases": cases}).split("\n")
    assert " x reference " in heading
    assert "| 2.824 [2.783 2.863] |" in row
    assert "x reference" not in as_markdown(EXAMPLE)


def test_csv_has_the_median_of_what_handing_over_takes() -> None:
    rows = parsed(EXAMPLE)
    assert [row["submit_ms"] for row in rows if row["runtime"] == "ort:cuda"] == ["0.2"]
    assert rows[0]["submit_ms"] == ""


def test_markdown_has_intervals() -> None:
    lines = as_markdown(EXAMPLE).splitlines()
    assert lines[:2] == [
        "| case | min ms | p50 ms | p99 ms | images/s | roofline | grade |",
        "| --- | ---: | ---: | ---: | ---: | ---: | :---: |",
    ]  # fmt: skip
    case = EXAMPLE["cases"][0]
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[0] == "ort:cpu, batch 1, 1 thread"
    assert float(cells[1]) == pytest.approx(case["min_ms"], rel=5e-4)
    p50, low, high = cells[2].replace("[", "").replace("]", "").split()
    for shown, key in ((p50, "p50_ms"), (low, "p50_low_ms"), (high, "p50_high_ms")):
        assert float(shown) == pytest.approx(case[key], rel=5e-4)
    assert cells[5:] == [f"{case['roofline']['of_possible']:.0%}", "A"]
    few = next(line for line in lines if " ? |" in line)
    assert re.fullmatch(r"\| ort:cpu, batch 1, 2 threads \| 1\d\.\d+ \| \S+ \[\S+ \S+\] \| 2\d\.\d+ \? \| .*", few)
    assert "| ort:cpu, batch 1, 2 threads: crashed |  |  |  |  |  |  |" in lines
    assert all(line.count("|") == 8 for line in lines if line.startswith("|"))


def test_markdown_of_several_files_names_them_and_what_no_case_has_is_no_column() -> None:
    nothing = {"grade": None, "roofline": None}
    cases = [{**case, **nothing, "model": f"folder/{at % 2}.onnx"} for at, case in enumerate(EXAMPLE["cases"])]
    lines = as_markdown(changed(cases=cases)).splitlines()
    assert lines[0] == "| case | min ms | p50 ms | p99 ms | images/s |"
    assert lines[2].startswith("| 0.onnx in ort:cpu, batch 1, 1 thread | ")


def test_text_of_others_breaks_nothing() -> None:
    evil = 'a|b\n<b>"c",*d*'
    cases = [dict(case, runtime=evil, model=evil, reason=evil) for case in EXAMPLE["cases"]]
    report = changed(cases=cases)
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
