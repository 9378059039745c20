from __future__ import annotations

import re
from typing import Any

import pytest

from resnet_export.report.bench import tables
from tests.report.bench.examples import CASES, EXAMPLE, of, replaced

CPU, GPU = EXAMPLE.cases[1], EXAMPLE.cases[15]
TIMES = ["case", "import ms", "open ms", "first run ms", "new shape ms"]
SHARE = re.compile(r'data-figure="cases/(\d+)/roofline/of_possible">(\d+%)<')


def conditions(*cases: Any) -> list[list[list[str]]]:
    """The cells of each table of the conditions, the heading first."""
    page = "".join(tables.conditions(cases))
    rows = [re.findall(r"<tr>(.*?)</tr>", one) for one in re.findall(r"<table>.*?</table>", page)]
    return [
        [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in table]
        for table in rows
    ]


class TestResults:
    def test_the_roofline_stands_in_the_row_of_the_headline(self) -> None:
        page = "".join(tables.results(EXAMPLE))
        known = [(str(at), case.roofline) for at, case in enumerate(EXAMPLE.cases) if case.roofline]
        assert SHARE.findall(page) == [(at, f"{share.of_possible:.0%}") for at, share in known]
        assert 0 < len(known) < len(EXAMPLE.cases), "a server's calls wait for each other, so that it has none"

    def test_memory_is_a_figure(self) -> None:
        page = "".join(tables.results(of(CASES[0])))
        assert '<span data-figure="cases/0/measured/memory/peak_rss_bytes">250</span>' in page

    def test_each_row_has_min_p50_and_p99_and_the_fastest_is_named(self) -> None:
        page = "".join(tables.results(EXAMPLE))
        series = sum(len(case.measured.series) for case in EXAMPLE.cases if case.measured)
        for key in ("min", "p50/value", "p99/value"):
            place = rf"cases/\d+/measured/series/\d+/latency_ms/{key}"
            assert len(re.findall(rf'data-figure="{place}">\d', page)) == series
        assert re.search(
            r"<p>ort:cuda, batch 1, 2 threads, device to device is the fastest of 14: \d+\.\d images/s.", page
        )
        assert "question mark" in page


class TestConditions:
    def test_memory_and_the_time_of_handing_over(self) -> None:
        cold, _ = conditions(CPU, GPU)
        assert cold[0] == [*TIMES, "submit ms", "peak memory MB", "steady memory MB", "PSS MB", "GPU MB"]
        assert cold[1][1:] == ["200.0", "100.0", "50.00", "70.00", "-", "250", "200", "190", "-"]
        assert cold[2][5:] == ["0.200", "250", "200", "190", "640"], "the median of 0.1, 0.2 and 0.9"

    def test_what_happened_while_it_was_measured(self) -> None:
        _, noise = conditions(CPU, GPU)
        assert noise[0] == [
            "case", "load", "CPUs of others", "stolen", "waited /s", "preempted /s", "clock MHz", "GPU slowed s"
        ]  # fmt: skip
        assert noise[1][1:] == ["0.520 to 1.930", "0.400", "1.2%", "1234", "35.50", "2400 to 3100", "-"]
        assert noise[2][1:] == ["-", "0.0100", "0.0%", "-", "2.000", "-", "1.500"]

    def test_columns_that_no_case_has_are_left_out(self) -> None:
        bare = replaced(CPU, measured__memory__pss_bytes=None, noise=type(CPU.noise)(20.0, 2, others_cpus=0.4))
        cold, noise = conditions(bare)
        assert cold[0] == [*TIMES, "peak memory MB", "steady memory MB"]
        assert noise == [["case", "CPUs of others"], ["ort:cpu, batch 1, 2 threads", "0.400"]]

    @pytest.mark.parametrize("cases", [[EXAMPLE.cases[-1]], []], ids=["a crash", "nothing"])
    def test_what_was_not_measured_has_no_table(self, cases: list[Any]) -> None:
        assert list(tables.conditions(cases)) == []

    def test_headings_are_explained_where_they_stand(self) -> None:
        assert "hypervisor" in "".join(tables.conditions([CPU]))
        assert "GPU" not in "".join(tables.conditions([CPU]))
