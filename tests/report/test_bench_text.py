from __future__ import annotations

import dataclasses
import re

import pytest

from resnet_export.bench.relative import Relative
from resnet_export.bench.results import BenchReport
from resnet_export.bench.roofline import Peaks
from resnet_export.bench.sampling import DEFAULT
from resnet_export.bench.scenario import make_scenario
from resnet_export.graph.cost import Cost
from resnet_export.machine import read_machine
from resnet_export.report import bench_text
from tests.bench.examples import CASE, MODEL, NOISE, crashed, measured, result, series, unsteady


@pytest.fixture
def cpus() -> float:
    return read_machine().usable_cpus


def report(*results: object) -> BenchReport:
    return BenchReport("plan", DEFAULT, read_machine(), results)  # type: ignore[arg-type]


def rows(text: str) -> list[str]:
    return text.partition("net.onnx (46.8 MB)\n")[2].partition("\n\n")[0].splitlines()


def test_a_row() -> None:
    heading, row, *remarks = rows(bench_text.render(report(result(threads=1, noise=NOISE))))
    assert heading.split() == [
        "runtime", "batch", "thr.", "p50", "ms", "p99", "ms", "images/s", "eff.", "peak", "ran", "on"
    ]  # fmt: skip
    name, batch, threads, p50, low, high, *_ = row.split()
    assert (name, batch, threads) == ("ort:cpu", "1", "1")
    assert float(low.strip("[]")) < float(p50) < float(high.strip("[]"))
    assert row.split()[-2:] == ["CPU", "A"]
    assert " ".join(" ".join(remarks).split()) == (
        "Cold start: libraries 200.0 ms, session 100.0 ms, first run 50.00 ms, first run of another batch 70.00 ms. "
        "Memory: 250 MB."
    )


def test_what_the_samples_cannot_support_is_not_printed() -> None:
    _, row, *_ = rows(bench_text.render(report(result(threads=1, measured=measured(200)))))
    assert re.search(r"\] +needs \d+ ", row), "p50 and its interval, but no p99"
    _, row, *remarks = rows(bench_text.render(report(result(threads=1, measured=measured(40)))))
    assert re.fullmatch(r"  ort:cpu +1 +1 +needs \d+ +needs \d+ +- +\d+ +CPU +D", row)
    assert any("below 64 no quantile" in line for line in remarks)


def test_in_place_of_a_median_there_is_the_floor() -> None:
    told = measured(series=(series(samples_ms=tuple(unsteady(20.0, 3))),))
    _, row, *remarks = rows(bench_text.render(report(result(threads=1, measured=told))))
    assert re.search(r" needs \d+ +needs \d+ ", row)
    remark = r"Undisturbed it takes 20\.\d+ ms: the median of its fastest moment, and 20\.\d+ ms in one far from that\."
    assert re.search(remark, " ".join(" ".join(remarks).split()))


def test_how_it_stands_to_the_reference_network() -> None:
    told = Relative(2.824, 2.783, 2.863, 11, "reference network 1 in onnxruntime 1.31.1", 6.1, ())
    _, _, *remarks = rows(bench_text.render(report(result(threads=1, relative=told))))
    sentence = "It takes 2.824 [2.783 2.863] times as long as reference network 1 in onnxruntime 1.31.1."
    assert sentence in " ".join(" ".join(remarks).split())


def test_why_it_does_not_stand_to_the_reference_network() -> None:
    shown = bench_text.render(report(result(threads=1, relative_reason="A run of 0.26 ms is too short.")))
    assert "Not beside the reference network: A run of 0.26 ms is too short." in " ".join(shown.split())


def test_the_time_that_it_takes_to_hand_over_a_run() -> None:
    shown = bench_text.render(report(result(threads=1, measured=measured(device="GPU 0", submit_ms=(0.1, 0.2, 0.9)))))
    assert "Of a run, 0.200 ms (the median) go into handing it over." in shown


def test_a_warm_up_that_took_long() -> None:
    told = measured(warm_up_ms=(900.0, *[20.0] * 11))
    shown = " ".join(bench_text.render(report(result(threads=1, measured=told))).split())
    assert "first run of another batch 70.00 ms, warm-up 12 runs, 1120 ms. Memory" in shown


def test_remarks(cpus: float) -> None:
    rising = tuple(20 + 0.01 * step for step in range(1000))
    told = measured(
        series=(series(samples_ms=rising),),
        settled=False,
        nodes={"CUDAExecutionProvider": 29, "CPUExecutionProvider": 1},
    )
    text = " ".join(bench_text.render(report(result(threads=99, measured=told))).split())
    assert "Nodes on each provider: CUDA 29, CPU 1." in text
    assert "The warm-up ended with its time, and not because two windows agreed." in text
    assert "It became 35.3% slower from the first quarter of the samples to the last." in text
    assert f"It ran 99 threads on {cpus:g} CPU" in text
    assert "For a better grade: - " in text


def test_the_share_of_the_possible() -> None:
    """1.8 G multiply-adds in 20 ms are 90 G a second, of 120."""
    peaks = Peaks("cpu", 2, {"float32": 120e9}, {"float32": "ORT", "memory": "NumPy"}, 20e9)
    cost = Cost(1_800_000_000, 0, 46_000_000, 600_000, (3_000_000,))
    found = BenchReport("plan", DEFAULT, read_machine(), (result(),), 0, (peaks,), {MODEL.sha256: cost})
    _, row, *_ = rows(bench_text.render(found))
    assert "75%" in row
    plain = found.as_dict()
    assert plain["cases"][0]["roofline"]["bound"] == "compute"
    assert plain["peaks"][0]["threads"] == 2


def test_several_series() -> None:
    calls = series(condition={"rate_per_s": 20.0, "load": 0.4}, loop="open")
    more = series(condition={"rate_per_s": 40.0, "load": 0.8}, loop="open", median_ms=60.0)
    case = dataclasses.replace(CASE, scenario=make_scenario("server", slo_p99_ms=50.0))
    _, title, *lines = rows(bench_text.render(report(result(case=case, measured=measured(series=(calls, more))))))
    assert title == "  ort:cpu, server, p99 within 50 ms"
    assert lines[0].startswith("  20.00 requests/s, load 40%")
    assert lines[1].startswith("  40.00 requests/s, load 80%")
    text = " ".join(" ".join(lines).split())
    assert "p99 within 50 ms is shown up to 20 requests/s: 0 of 1000 requests took longer." in text
    late = measured(series=(more,))
    text = " ".join(bench_text.render(report(result(case=case, measured=late))).split())
    assert "p99 within 50 ms is not shown: at 40 requests/s 998 of 1000" in text


def test_a_fallback() -> None:
    told = measured(fallback="the CPU ran it: CUDAExecutionProvider cannot be loaded")
    found = result(threads=1, case=dataclasses.replace(CASE, runtime="ort:cuda"), measured=told)
    _, row, *remark = rows(bench_text.render(report(found)))
    assert row.split()[-2] == "CPU"
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


OPTIONS = (
    "ort:cuda,use_tf32=1,prefer_nhwc=1,cudnn_conv_algo_search=EXHAUSTIVE,cudnn_conv_use_max_workspace=1,"
    "enable_cuda_graph=1"
)


def test_a_runtime_with_many_options_is_broken_behind_commas() -> None:
    long = dataclasses.replace(CASE, runtime=OPTIONS, boundary="device")
    failed = result(case=long, status="failed", measured=None, reason=f"{OPTIONS} cannot load net.onnx: a reason.")
    text = bench_text.render(report(result(case=long, threads=128), failed))
    assert max(map(len, text.splitlines())) <= 100
    first, second = OPTIONS[: OPTIONS.index("cudnn_conv_use")], OPTIONS[OPTIONS.index("cudnn_conv_use") :]
    assert f"\n  {first}\n    {second}, device to device\n" in text
    assert f"\n    {first}\n      {second}\n    cannot load net.onnx: a reason." in text


@pytest.mark.parametrize("path", [f"folder/{'a,b' * 29}.onnx", f"a folder/{'name, ' * 30}.onnx"])
def test_a_long_path_is_not_broken(path: str) -> None:
    model = dataclasses.replace(MODEL, path=path)
    failed = result(status="failed", measured=None, reason=f"'{path.replace(' ', '')}' is gone.")
    found = dataclasses.replace(failed, case=dataclasses.replace(CASE, model=model))
    lines = bench_text.render(report(found)).splitlines()
    assert lines[2:4] == [path, "  (46.8 MB)"]
    assert f"    '{path.replace(' ', '')}'" in lines
