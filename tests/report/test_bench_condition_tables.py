from __future__ import annotations

import re
from typing import Any

import pytest

from resnet_export.report import bench_condition_tables
from tests.report.bench_examples import EXAMPLE

CPU, GPU = EXAMPLE["cases"][1], EXAMPLE["cases"][15]
TIMES = ["case", "import ms", "open ms", "first run ms", "new shape ms"]


def tables(*cases: dict[str, Any]) -> list[list[list[str]]]:
    """The cells of each table, the heading first."""
    page = "".join(bench_condition_tables.sections(cases))
    rows = [re.findall(r"<tr>(.*?)</tr>", one) for one in re.findall(r"<table>.*?</table>", page)]
    return [
        [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in table]
        for table in rows
    ]


def test_memory_and_the_time_of_handing_over() -> None:
    cold, _ = tables(CPU, GPU)
    assert cold[0] == [*TIMES, "submit ms", "peak memory MB", "steady memory MB", "PSS MB", "GPU MB"]
    assert cold[1][5:] == ["-", "250", "200", "190", "-"]
    assert cold[2][5:] == ["0.200", "250", "200", "190", "640"], "the median of 0.1, 0.2 and 0.9"


def test_what_happened_while_it_was_measured() -> None:
    _, noise = tables(CPU, GPU)
    assert noise[0] == [
        "case", "load", "CPUs of others", "stolen", "waited /s", "put aside /s", "clock MHz", "GPU slowed s"
    ]  # fmt: skip
    assert noise[1][1:] == ["0.520 to 1.930", "0.400", "1.2%", "1234", "35.50", "2400 to 3100", "-"]
    assert noise[2][1:] == ["-", "0.0100", "0.0%", "-", "2.000", "-", "1.500"]


def test_columns_that_no_case_has_are_left_out() -> None:
    cold, noise = tables({**CPU, "pss_bytes": None, "noise": {"seconds": 20.0, "cpus": 2, "others_cpus": 0.4}})
    assert cold[0] == [*TIMES, "peak memory MB", "steady memory MB"]
    assert noise == [["case", "CPUs of others"], ["ort:cpu, batch 1, 2 threads", "0.400"]]


@pytest.mark.parametrize("cases", [[EXAMPLE["cases"][-1]], []], ids=["a crash", "nothing"])
def test_what_was_not_measured_has_no_table(cases: list[dict[str, Any]]) -> None:
    assert list(bench_condition_tables.sections(cases)) == []


def test_headings_are_explained_where_they_stand() -> None:
    assert "hypervisor" in "".join(bench_condition_tables.sections([CPU]))
    assert "GPU" not in "".join(bench_condition_tables.sections([CPU]))
