from __future__ import annotations

import dataclasses
import re

import pytest

from resnet_export.bench.results import BenchReport
from resnet_export.bench.sampling import DEFAULT
from resnet_export.machine import read_machine
from resnet_export.report import bench_text
from tests.bench.examples import CASE, crashed, measured, result, series


@pytest.fixture
def cpus() -> float:
    return read_machine().usable_cpus


def report(*results: object) -> BenchReport:
    return BenchReport("plan", DEFAULT, read_machine(), results)  # type: ignore[arg-type]


def rows(text: str) -> list[str]:
    return text.partition("net.onnx (46.8 MB)\n")[2].partition("\n\n")[0].splitlines()


def test_a_row() -> None:
    heading, row = rows(bench_text.render(report(result(threads=1))))
    assert heading.split() == [
        "runtime", "batch", "thr.", "p50", "ms", "p99", "ms", "images/s", "eff.", "MB", "ran", "on"
    ]  # fmt: skip
    name, batch, threads, p50, low, high, *_ = row.split()
    assert (name, batch, threads) == ("ort:cpu", "1", "1")
    assert float(low.strip("[]")) < float(p50) < float(high.strip("[]"))
    assert row.split()[-2:] == ["250", "CPU"]


def test_what_the_samples_cannot_support_is_not_printed() -> None:
    _, row = rows(bench_text.render(report(result(threads=1, measured=measured(200)))))
    assert re.search(r"\] +needs \d+ ", row), "p50 and its interval, but no p99"
    _, row = rows(bench_text.render(report(result(threads=1, measured=measured(40)))))
    assert re.fullmatch(r"  ort:cpu +1 +1 +needs \d+ +needs \d+ +- +\d+ +250  CPU", row)


def test_remarks(cpus: float) -> None:
    rising = tuple(20 + 0.01 * step for step in range(1000))
    told = measured(series=(series(samples_ms=rising),), settled=False, nodes={"CUDAExecutionProvider": 29, "CPUExecutionProvider": 1})
    text = " ".join(bench_text.render(report(result(threads=99, measured=told))).split())
    assert "Nodes on each provider: CUDA 29, CPU 1." in text
    assert "The warm-up did not settle" in text
    assert "Latency drifted while it was measured, by +35.3%" in text
    assert f"99 threads shared {cpus:g} CPUs." in text


def test_a_fallback() -> None:
    told = measured(fallback="the CPU ran it: CUDAExecutionProvider cannot be loaded")
    found = result(threads=1, case=dataclasses.replace(CASE, runtime="ort:cuda"), measured=told)
    _, row, *remark = rows(bench_text.render(report(found)))
    assert row.endswith(" CPU")
    assert "FALLBACK: the CPU ran it: " in " ".join(remark)


def test_a_crash() -> None:
    _, row, remark = rows(bench_text.render(report(crashed())))
    assert row.split() == ["ort:cpu", "1", "2", "crashed"]
    assert remark == "    its process was ended by SIGSEGV while sampling"


@pytest.mark.parametrize("median", [0.0123, 1.5, 99.99, 2345.6, 123456.0])
def test_fits_100_columns(median: float) -> None:
    case = dataclasses.replace(CASE, batch=1024)
    told = measured(5000, median, peak_rss_bytes=12_345_000_000, nodes={
        "TensorrtExecutionProvider": 9, "CUDAExecutionProvider": 1, "CPUExecutionProvider": 1
    })  # fmt: skip
    long = dataclasses.replace(case, runtime="openvino,precision=bfloat16,threads=16")
    text = bench_text.render(report(*(result(case=one, threads=128, measured=told) for one in (case, long))))
    assert max(map(len, text.splitlines())) <= 100
    assert "\n  openvino,precision=bfloat16,threads=16\n" in text
