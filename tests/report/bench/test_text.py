from __future__ import annotations

import dataclasses
import re

import pytest

from resnet_export.bench.roofline import Peaks
from resnet_export.bench.scenarios import make_scenario
from resnet_export.graph.cost import Cost
from resnet_export.report.bench import text as bench_text
from resnet_export.report.bench.table import as_markdown
from tests.bench.examples import CASE, NOISE, RAN, crashed, measured, result, series, series_of
from tests.report.bench.examples import RELATIVE, graded, replaced

PEAKS = Peaks("cpu", 2, {"float32": 120e9}, {"float32": "ORT", "memory": "NumPy"}, 20e9)
COST = Cost(1_800_000_000, 0, 46_000_000, 600_000, (3_000_000,))


def rows(text: str) -> list[str]:
    return text.partition("net.onnx (46.8 MB)")[2].partition("\n\n")[0].splitlines()


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_case() -> None:
    title, heading, row, remark = rows(bench_text.render(graded(result(threads=1, noise=NOISE))))
    assert title == ", ort:cpu, batch 1, 1 thread"
    assert heading.split() == ["min", "ms", "p50", "ms", "p99", "ms", "images/s", "grade"]
    least, p50, low, high, p99, *_, rate, grade = row.split()
    assert float(least) < float(low.strip("[]")) < float(p50) < float(high.strip("[]")) < float(p99)
    assert float(rate) == pytest.approx(1e3 / float(p50), rel=0.02)
    assert grade == "A"
    assert remark == "    Cold start 350 ms (import 200, open 100, first run 50), peak memory 250 MB."


@pytest.mark.parametrize(("samples", "shown"), [(1000, 0), (200, 1), (40, 1), (4, 2)])
def test_what_the_samples_support_less_well_is_marked(samples: int, shown: int) -> None:
    text = bench_text.render(graded(result(threads=1, measured=measured(samples))))
    row = rows(text)[2]
    quantiles = re.findall(r"\d+\.\d+ (?:\?|\[\S+ \S+\])", row)
    assert [one.endswith("?") for one in quantiles[:2]] == [shown > 1, shown > 0]
    assert (bench_text.MARK in text) == (shown > 0)


def test_all_remarks() -> None:
    noise = dataclasses.replace(NOISE, others_cpus=0.5, steal_share=0.05)
    found = graded(
        result(threads=1, noise=noise, measured=measured(ran=replaced(RAN, nodes={"A": 1, "CPUExecutionProvider": 2})))
    )
    (remark,) = rows(bench_text.render(found))[3:]
    assert remark == "    Other processes used 0.5 of the 2 CPUs meanwhile. (-v: 1 more)"
    remarks = words("\n".join(rows(bench_text.render(found, verbose=True))[3:]))
    assert "The hypervisor gave 5.0% of the CPUs' time to other machines. Cold start 350 ms " in remarks
    assert re.search(r"1000 samples, worth \d+ independent ones. It ran on CPU \+1, in float32: onnxruntime", remarks)
    assert "The first run of another batch took 70.00 ms. Nodes on each provider: A 1, CPU 2." in remarks


def test_one_case_fits_on_a_screen_at_its_worst() -> None:
    noise = dataclasses.replace(
        NOISE, others_cpus=1.5, steal_share=0.3, involuntary_per_s=900.0, major_faults=9999, thermal_throttles=12
    )
    fallback = f"the CPU ran it: {'CUDAExecutionProvider cannot be loaded, ' * 3}"
    found = measured(40, settled=False, ran=replaced(RAN, fallback=fallback))
    case = replaced(CASE, model__cost=COST)
    found = graded(result(case=case, threads=99, noise=noise, measured=found), peaks=(PEAKS,))
    again = "resnet-export bench net.onnx {}".format
    lines = bench_text.render(found, again=again).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "D" in rows("\n".join(lines))[2].split()
    assert "?" in lines[-1]


class TestAdvice:
    NOISE = dataclasses.replace(NOISE, others_cpus=0.5, steal_share=0.05)

    def lines(self, *results: object, verbose: bool = False) -> list[str]:
        again = "resnet-export bench net.onnx {}".format
        text = bench_text.render(graded(*results), verbose=verbose, again=again)
        return text.partition("To measure it better:\n")[2].partition("\n\n")[0].splitlines()

    def test_options_make_one_command(self) -> None:
        found = result(threads=99, measured=measured(40), noise=NOISE)
        assert self.lines(found)[0] == "  resnet-export bench net.onnx --seconds 180 --threads 2"

    def test_two_lines_and_the_rest_where_all_is_asked_for(self) -> None:
        found = result(threads=1, measured=measured(40), noise=self.NOISE)
        assert len(self.lines(found)) == 2
        assert len(self.lines(found, verbose=True)) == 3

    def test_the_reference_network_is_named_where_it_would_help_and_was_not_used(self) -> None:
        noise = dataclasses.replace(NOISE, others_cpus=1.5)
        said = "To compare it with another run all the same, give both --reference."
        server = dataclasses.replace(CASE, scenario=make_scenario("server"))
        short = measured(series=(series(median_ms=0.3),))
        for found, helps in (
            (result(noise=noise), True),
            (result(noise=noise, relative=RELATIVE), False),
            (result(noise=noise, relative_reason="A run is too short."), False),
            (result(noise=noise, case=server), False),
            (result(noise=noise, measured=short), False),
        ):
            assert words("\n".join(self.lines(found))).endswith(said) is helps

    def test_the_command_stands_within_a_sentence(self) -> None:
        found = result(threads=1, noise=dataclasses.replace(NOISE, others_cpus=0.5))
        assert self.lines(found) == ["  Keep it on CPUs of its own: taskset -c 0 resnet-export bench net.onnx"]


def test_how_it_stands_to_the_reference_network() -> None:
    sentence = "It takes 2.824 [2.783 2.863] times as long as reference network 1 in onnxruntime 1.31.1."
    assert sentence in words(bench_text.render(graded(result(threads=1, relative=RELATIVE))))


def test_why_it_does_not_stand_to_the_reference_network() -> None:
    shown = bench_text.render(graded(result(threads=1, relative_reason="A run of 0.26 ms is too short.")))
    assert "Not beside the reference network: A run of 0.26 ms is too short." in words(shown)


def test_a_warm_up_that_took_long() -> None:
    found = graded(result(threads=1, measured=measured(warm_up_ns=(900_000_000, *[20_000_000] * 11))))
    assert "The warm-up took 12 runs, 1120 ms." in words(bench_text.render(found, verbose=True))


def test_reasons_of_a_grade() -> None:
    told = measured(series=(series_of(20 + 0.01 * step for step in range(1000)),), settled=False)
    text = words(bench_text.render(graded(result(threads=99, measured=told)), verbose=True))
    assert "The warm-up ended with its time, and not because two windows agreed." in text
    assert "It became 35.3% slower from the first quarter of the samples to the last." in text
    assert "It ran 99 threads on 2 CPU" in text


def test_the_share_of_the_roofline() -> None:
    """1.8 G multiply-adds in 20 ms are 90 G a second, of 120."""
    found = graded(result(case=replaced(CASE, model__cost=COST)), peaks=(PEAKS,))
    _, heading, row, *_ = rows(bench_text.render(found))
    assert "roofline" in heading
    assert "75%" in row
    assert found.cases[0].roofline is not None
    assert found.cases[0].roofline.bound == "compute"
    assert "roofline" not in bench_text.render(graded(result()))


def test_a_share_of_disturbed_peaks_is_marked() -> None:
    case = replaced(CASE, model__cost=COST)
    quiet, disturbed = (
        graded(result(case=case, noise=dataclasses.replace(NOISE, others_cpus=others)), peaks=(PEAKS,))
        for others in (0.0, 1.5)
    )
    for found, mark in ((quiet, "75% "), (disturbed, "75% ? D")):
        assert mark in words(bench_text.render(found))
        assert mark.split(" D")[0] in as_markdown(found)
    assert "75% ?" not in words(bench_text.render(quiet)) + as_markdown(quiet)
    assert "? at grade D, which disturbs that speed too" in words(bench_text.render(disturbed))


def test_several_series() -> None:
    calls = series(condition={"rate_per_s": 20.0, "load": 0.4}, loop="open", slo_ms=50.0)
    more = series(condition={"rate_per_s": 40.0, "load": 0.8}, loop="open", slo_ms=50.0, median_ms=60.0)
    case = dataclasses.replace(CASE, scenario=make_scenario("server", slo_p99_ms=50.0))
    title, _, *lines = rows(bench_text.render(graded(result(case=case, measured=measured(series=(calls, more))))))
    assert title == ", ort:cpu, batch 1, 2 threads, server, p99 within 50 ms"
    assert lines[0].startswith("  20.00 requests/s, load 40%")
    assert lines[1].startswith("  40.00 requests/s, load 80%")
    assert "p99 within 50 ms is shown up to 20.00 requests/s: 0 of 1000 requests took longer." in words(
        "\n".join(lines)
    )
    late = measured(series=(more,))
    text = words(bench_text.render(graded(result(case=case, measured=late))))
    assert "p99 within 50 ms is not shown: at 40.00 requests/s 998 of 1000" in text


def test_a_sweep_over_batches() -> None:
    probes = [series(20, batch=batch, condition={"batch": batch}, probe=True) for batch in (1, 2, 4)]
    best = series(batch=2, condition={"batch": 2})
    case = dataclasses.replace(CASE, scenario=make_scenario("offline"))
    found = graded(result(case=case, measured=measured(series=(*probes, best), headline=3)))
    title, _, *lines = rows(bench_text.render(found))
    assert title == ", ort:cpu, 2 threads, offline"
    shown = [line.split("  ")[1] for line in lines[:4]]
    assert shown == ["batch 1, probe", "batch 2, probe", "batch 4, probe", "batch 2, chosen"]
    rates = [float(line.replace(" ?", "").split()[-1]) for line in lines[:3]]
    assert rates[0] == pytest.approx(50, rel=0.1)
    assert rates[2] == pytest.approx(200, rel=0.1)


def test_a_fallback() -> None:
    told = measured(ran=replaced(RAN, fallback="the CPU ran it: CUDAExecutionProvider cannot be loaded"))
    found = result(threads=1, case=dataclasses.replace(CASE, runtime="ort:cuda"), measured=told)
    _, _, _, *remark = rows(bench_text.render(graded(found)))
    assert remark == ["    FALLBACK: the CPU ran it: CUDAExecutionProvider cannot be loaded"]


def test_a_crash() -> None:
    text = bench_text.render(graded(crashed()))
    _, _, row, remark = rows(f"{text}\n\n")
    assert row.split() == ["crashed"]
    assert remark == "    its process was ended by SIGSEGV while sampling"


@pytest.mark.parametrize("median", [0.0123, 1.5, 99.99, 2345.6, 123456.0])
def test_fits_100_columns(median: float) -> None:
    case = dataclasses.replace(CASE, batch=1024)
    told = replaced(measured(5000, median), memory__peak_rss_bytes=12_345_000_000)
    long = dataclasses.replace(case, runtime="openvino,precision=bfloat16,threads=16")
    text = bench_text.render(graded(*(result(case=one, threads=128, measured=told) for one in (case, long))))
    assert max(len(line) for line in text.splitlines() if "bench compare" not in line) <= 100
    assert "\n  openvino,precision=bfloat16,threads=16" in text


OPTIONS = (
    "ort:cuda,use_tf32=1,prefer_nhwc=1,cudnn_conv_algo_search=EXHAUSTIVE,cudnn_conv_use_max_workspace=1,"
    "enable_cuda_graph=1"
)


def test_a_runtime_with_many_options_is_broken_behind_commas() -> None:
    long = dataclasses.replace(CASE, runtime=OPTIONS)
    failed = result(case=long, status="failed", measured=None, reason=f"{OPTIONS} cannot load net.onnx: a reason.")
    first, second = OPTIONS[: OPTIONS.index("cudnn_conv_use")], OPTIONS[OPTIONS.index("cudnn_conv_use") :]
    text = bench_text.render(graded(failed))
    assert f"net.onnx (46.8 MB), {first}\n  {second}, batch 1, 2 threads\n" in text
    assert f"\n    {first}\n    {second} cannot load net.onnx: a\n    reason." in text
    text = bench_text.render(graded(result(), failed))
    assert max(map(len, text.splitlines())) <= 100
    assert f"\n  {first}\n  {second}\n" in text


@pytest.mark.parametrize("path", [f"folder/{'a,b' * 29}.onnx", f"a folder/{'name, ' * 30}.onnx"])
def test_a_long_path_is_not_broken(path: str) -> None:
    case = replaced(CASE, model__path=path)
    found = result(case=case, status="failed", measured=None, reason=f"'{path.replace(' ', '')}' is gone.")
    lines = bench_text.render(graded(found)).splitlines()
    assert lines[2:4] == [path, "  (46.8 MB), ort:cpu, batch 1, 2 threads"]
    assert f"    '{path.replace(' ', '')}'" in lines
