from __future__ import annotations

import re

from resnet_export.report import bench_result_tables
from tests.report.bench_examples import EXAMPLE

FIGURE = re.compile(r'data-figure="cases/(\d+)/roofline/of_possible">(\d+%)<')


def test_the_roofline_stands_in_the_row_of_the_headline() -> None:
    page = "".join(bench_result_tables.sections(EXAMPLE))
    known = [(str(at), case["roofline"]) for at, case in enumerate(EXAMPLE["cases"]) if case.get("roofline")]
    assert FIGURE.findall(page) == [(at, f"{share['of_possible']:.0%}") for at, share in known]
    assert 0 < len(known) < len(EXAMPLE["cases"]), "a server's calls wait for each other, so that it has none"


def test_memory_is_a_figure() -> None:
    page = "".join(bench_result_tables.sections({**EXAMPLE, "cases": EXAMPLE["cases"][:1]}))
    assert '<span data-figure="cases/0/peak_rss_bytes">250</span>' in page


def test_each_row_has_min_p50_and_p99_and_the_fastest_is_named() -> None:
    page = "".join(bench_result_tables.sections(EXAMPLE))
    series = sum(len(case.get("series", ())) for case in EXAMPLE["cases"])
    for key in ("min_ms", "p50_ms", "p99_ms"):
        assert len(re.findall(rf'data-figure="cases/\d+/series/\d+/{key}">\d', page)) == series
    assert re.search(r"<p>ort:cuda, batch 1, 2 threads, device to device is the fastest of 14: \d+\.\d images/s.", page)
    assert "question mark" in page
