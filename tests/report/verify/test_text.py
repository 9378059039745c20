from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.parity.gate.gate import TOLERANCES
from resnet_export.parity.results import Bisection, RuntimeResult
from resnet_export.report.verify.text import ROWS, render
from resnet_export.runtimes.session import Placement
from resnet_export.spec import ResNetSpec
from resnet_export.terminal import WIDTH
from tests.report.verified import BFLOAT16, BISECTION, CUDA, FAILED, GOOD, LAYERS, ORT, PASSED, compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnet_export.parity.results import VerifyReport


def row_of(name: str, text: str) -> list[str]:
    """The cells of the first line that starts with a name."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [name])


def flowing(text: str) -> str:
    return " ".join(text.split())


def report_of(result: RuntimeResult, comparisons: Sequence[Any] = (), **changes: Any) -> VerifyReport:
    """One runtime's report."""
    return replace(PASSED, runtimes=(result,), comparisons=tuple(comparisons) or compared(result.runtime, 1), **changes)


def test_the_screen_of_a_pass() -> None:
    assert render(PASSED).splitlines() == [
        "net.onnx: passed in 2 runtimes",
        "  truth          the specification with the file's own numbers, in float64",
        "  yardstick      NumPy in float32",
        "",
        "  runtime  images    error     mean  ratio  1-cosine  top-1  top-5",
        "  ort:cpu  1 2 7   2.7e-07  1.0e-07   0.90         0  10/10  10/10",
        "  ncnn     1       2.7e-07  1.0e-07   0.90         0    1/1    1/1",
        "    takes no batch of 2 or 7",
        "  error, mean: largest and mean distance from the truth, on logits of up to 0.7.",
        "  ratio: error over the yardstick's, or over the rounding floor where that is",
        "  larger; up to 4 passes.",
        "",
        "  mnn            unsupported: mnn cannot load net.onnx: no Sigmoid.",
        "  keras          not applicable: keras runs canonical files only.",
        "  not here       ort:cuda, ort:tensorrt",
        "                 resnet-export doctor tells why",
        "  - left out: broken.png is no picture.",
    ]


def test_a_runtime_that_was_named_and_runs_other_files_only_is_no_failure_of_the_file() -> None:
    runtimes = tuple(replace(one, refused=True) if one.status == "not applicable" else one for one in PASSED.runtimes)
    found = replace(PASSED, runtimes=runtimes, passed=False, failures=("keras: keras runs canonical files only.",))
    assert render(found).splitlines()[0] == "net.onnx: NOT RUN in 1 of 3 runtimes"
    worse = replace(found, failures=(*found.failures, "The source is far from the truth."))
    assert render(worse).splitlines()[0] == "net.onnx: FAILED in 1 of 3 runtimes"


def test_the_screen_of_a_failure() -> None:
    lines = render(FAILED).splitlines()
    assert lines[0] == "net.onnx: FAILED in 3 of 4 runtimes"
    at = lines.index("  synthetic,error=0.01")
    assert lines[at + 1].split() == ["1", "2", "inf", "inf", "inf", "1e+00", "3/3", "3/3", "FAILED"]
    end = lines[lines.index("  not here       ort:cuda") :]
    assert flowing("\n".join(end[2:])) == flowing(f"""
        - left out: broken.png is no picture.
        - {FAILED.failures[0]} - {FAILED.failures[1]} - {FAILED.failures[2]} - {FAILED.failures[3]}
        First wrong layer: layer1.0.relu1, in the file in ort:cpu: its output is 0.5 from it.
        Likely cause: the ReLU is missing.""")


def test_what_failed_is_said_once() -> None:
    text = flowing(render(FAILED))
    assert text.count("no Sigmoid") == text.count("SIGSEGV") == 1


def test_the_worst_of_all_batches_counts() -> None:
    worse = compared("ort:cpu", 7, error=9e-7, yardstick=3e-7, mean_error=2e-7, cosine=1 - 3e-9, top1_agreed=6,
                     top1_exempt=1, top5_agreed=5)  # fmt: skip
    text = render(report_of(ORT, [*compared("ort:cpu", 1, 2), *worse]))
    assert row_of("ort:cpu", text)[4:] == ["9.0e-07", "2.0e-07", "3.00", "3e-09", "9/10", "8/10"]
    assert "top-1 of 1 image is too close to call" in text


def test_pictures_are_a_row_of_their_own() -> None:
    text = render(report_of(ORT, [*compared("ort:cpu", 1), *compared("ort:cpu", 5, inputs="pictures")]))
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  ort:cpu"))
    assert lines[at + 1].split()[:2] == ["5", "pictures"]


def test_an_embedding_has_no_classes() -> None:
    text = render(report_of(ORT, compared("ort:cpu", 1, quantity="embedding")))
    assert row_of("ort:cpu", text)[-2:] == ["-", "-"]


def test_what_is_compared_in_something_else_is_said() -> None:
    both = replace(
        PASSED, comparisons=(*compared("ort:cpu", 1), *compared("ncnn", 1, quantity="probabilities", scale=0.9))
    )
    text = flowing(render(both))
    assert "compares probabilities takes no batch" in text
    assert "on logits of up to 0.7 and probabilities of up to 0.9" in text


def test_a_reduced_precision_comes_with_its_tolerance_and_reason() -> None:
    text = flowing(render(report_of(BFLOAT16, compared(BFLOAT16.runtime, 1, error=0.01, bound=0.02))))
    assert f"bfloat16: an error of 3.12 % passes ({TOLERANCES['bfloat16'].reason})." in text
    assert "computes in" not in text, "the option says so"
    assert "up to 4 passes" not in text
    assert "computes in float16" in render(report_of(replace(ORT, precision="float16")))


class TestPlacement:
    def test_the_cpu_is_not_worth_a_word(self) -> None:
        assert render(report_of(ORT)).splitlines()[6].startswith("  error, mean: ")
        assert "EPYC" not in render(report_of(BFLOAT16))

    def test_a_device(self) -> None:
        placement = Placement("GPU 0", {"CUDAExecutionProvider": 49, "CPUExecutionProvider": 2})
        text = flowing(render(report_of(replace(ORT, placement=placement))))
        assert "on GPU 0: 49 nodes on CUDAExecutionProvider and 2 nodes on CPUExecutionProvider" in text

    def test_a_fallback_is_seen(self) -> None:
        placement = Placement("CPU", {"CPUExecutionProvider": 49}, "no CUDA device")
        lines = render(report_of(replace(ORT, runtime="ort:cuda", placement=placement))).splitlines()
        assert lines[0] == "net.onnx: passed in 1 runtime (FALLBACK: ort:cuda)"
        assert "    FALLBACK: the CPU ran it: no CUDA device" in lines

    def test_who_ran_it_is_said_once(self) -> None:
        placement = Placement("CPU", {}, "the CPU ran it: no CUDA device")
        assert "    FALLBACK: the CPU ran it: no CUDA device\n" in render(report_of(replace(ORT, placement=placement)))


class TestLayers:
    def test_only_when_asked_for(self) -> None:
        assert "Layer by layer" not in render(PASSED)
        assert "Layer by layer" not in render(replace(PASSED, bisection=None), layers=True)

    def test_the_table(self) -> None:
        lines = render(FAILED, layers=True).splitlines()
        start = lines.index("Layer by layer in ort:cpu, relative to the largest value of each")
        assert [line.split() for line in lines[start + 1 : start + 8]] == [
            ["layer", "operator", "error", "own", "error", "allowed"],
            ["conv1", "Conv", "2.5e-07", "2.5e-07", "2.0e-06"],
            ["relu", "Relu", "2.5e-07", "0", "2.0e-06"],
            ["layer1.0.conv1", "Conv", "-", "-", "2.0e-06", "absent"],
            ["layer1.0.relu1", "Relu", "2.5e-01", "2.5e-01", "2.0e-06", "WRONG"],
            ["layer1.0.conv2", "Conv", "inf", "5.0e-07", "2.0e-06"],
            ["fc", "Gemm", "2.5e-01", "1.0e-06", "4.0e-06"],
        ]

    def test_the_deepest_network_fits(self) -> None:
        layers = tuple(
            replace(LAYERS[3], layer=step.name, op=step.op) for step in ResNetSpec(depth=152).canonical.steps
        )
        text = render(replace(PASSED, bisection=Bisection("ort:cpu", layers, "conv1", None)), layers=True)
        assert text.count("WRONG") == len(layers)
        assert max(map(len, text.splitlines())) <= WIDTH

    def test_a_layer_of_zeros(self) -> None:
        layers = (replace(LAYERS[0], scale=0.0, error=1e-3, local_error=float("nan")),)
        text = render(replace(PASSED, bisection=replace(GOOD, layers=layers)), layers=True)
        assert row_of("conv1", text) == ["conv1", "Conv", "1.0e-03", "nan", "8.0e-06", "WRONG"]


def test_nothing_ran() -> None:
    text = render(
        replace(
            PASSED, passed=False, comparisons=(), runtimes=(CUDA,), failures=("No runtime ran the file.",), notes=()
        )
    )
    assert text.startswith("net.onnx: FAILED\n")
    assert "  runtime " not in text
    assert text.endswith("  - No runtime ran the file.")


def test_the_cause_that_the_layers_show_is_told_too() -> None:
    assert FAILED.diagnosis is not None
    unexplained = replace(FAILED, diagnosis=replace(FAILED.diagnosis, cause=None))
    assert render(unexplained).endswith("\nLikely cause: the ReLU is missing.")
    elsewhere = replace(unexplained, bisection=replace(BISECTION, first_wrong="fc"))
    assert "Likely cause" not in render(elsewhere)


def test_many_sentences_are_counted() -> None:
    failures = tuple(f"Failure {index}." for index in range(ROWS + 3))
    text = render(replace(FAILED, failures=failures, diagnosis=None))
    assert f"Failure {ROWS - 1}." in text
    assert f"Failure {ROWS}." not in text
    assert text.endswith("... and 3 more; --json has them all")


def test_a_reason_of_others_is_one_short_line_without_control_codes() -> None:
    loud = RuntimeResult("mnn", "unsupported", "\x1b[31mno\x1b[0m\r\nSigmoid\x07 " + "because " * 50)
    text = render(replace(PASSED, runtimes=(ORT, loud), notes=()))
    assert "unsupported: no Sigmoid because" in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.split("unsupported: ")[1]) < 260


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("report", [PASSED, FAILED], ids=["passed", "failed"])
def test_fits_80_columns_in_plain_ascii(report: VerifyReport, layers: bool) -> None:
    worst = compared("torch:compile", 1, 2, 7, error=0.5, passed=False) + compared(
        "torch:compile", 32, inputs="pictures", error=0.5, passed=False
    )
    wide = replace(
        report,
        comparisons=(*report.comparisons, *worst),
        runtimes=(*report.runtimes, replace(ORT, runtime="torch:compile", status="failed")),
    )
    lines = render(wide, layers=layers).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(line == line.rstrip() and line.isascii() for line in lines)
    assert not any(first == second == "" for first, second in itertools.pairwise(lines))
