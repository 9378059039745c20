from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check
from resnet_export.cli.quantize import IO, PRECISIONS, RANGES, TARGETS, quantize
from resnet_export.graph.recipe import REDUCED, Quantization, Recipe, Share
from resnet_export.quantization import job
from resnet_export.quantization.results import Attempt, Candidate, LayerNoise, QuantizeReport, RuntimeProof
from resnet_export.report.kit.formats import render
from tests.classify import labelled
from tests.report.browser import Checker, evaluate, needs_chromium

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

SHARE = Share(0.984, 0.961, 0.994, 256)
MADE = Quantization(
    Recipe("int8", "x86-vnni", "minmax", kept_float=("conv1",)), "0123456789abcdef", 256, agreement=SHARE
)
DROP = Estimate(0.004, 0.001, 0.007)
REPORT = QuantizeReport(
    source="net.onnx",
    path="int8.onnx",
    written=True,
    sha256="0" * 64,
    size=11_800_000,
    float_size=46_700_000,
    quantization=MADE,
    reason="VNNI multiplies unsigned by signed bytes",
    reason_source="Intel SDM",
    candidates=(Candidate("minmax", 36.6, True), Candidate("bias-corrected", 30.0, False)),
    layers=(LayerNoise("conv1", "Conv", 41.9, 1e-4), LayerNoise("fc", "Gemm", 28.3, 1e-3)),
    quantised=("layer1.0.conv1", "fc"),
    proofs=(
        RuntimeProof(
            "ort:cpu", "1.2", SHARE, Estimate(0.31, 0.30, 0.32), 8.06, 2.5, ("fc",), ("layer1.0.conv1",), 0.48
        ),
        RuntimeProof("openvino", "2026", None, None, error="it cannot load it"),
    ),
    attempts=(Attempt((), DROP, "failed", Estimate(0.25)), Attempt(("conv1",), DROP, "passed", Estimate(0.31))),
    check=Check("max_drop", 0.003, DROP, "passed", None),
    pictures_run=2048,
)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Callable[[QuantizeReport], dict[str, Any]]:
    """`stub(report)`: the job gives this report; the options that it was called with."""

    def install(report: QuantizeReport) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        def quantize(source: str, output: str, **options: Any) -> QuantizeReport:
            seen.update(options, source=source, output=output)
            return report

        monkeypatch.setattr(job, "quantize", quantize)
        return seen

    return install


def test_the_report(stub: Callable[..., Any], invoke: Callable[..., Result]) -> None:
    seen = stub(REPORT)
    done = invoke("quantize", "net.onnx", "--calibrate", "a", "--calibrate", "b*.jpg", "--max-drop", "0.3")
    assert (done.exit_code, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    said = " ".join(done.stdout.split())
    for words in (
        "11.8 MB, 0.25 of 46.7 MB",
        "256 pictures, sha256 0123456789ab..., seed 0",
        "minmax 36.6 dB (taken)",
        "bias-corrected 30.0 dB, none taken",
        "kept in float32 conv1",
        "98.4% [96.1 99.4]",
        "0.310 [0.300 0.320]",
        "ort:cpu computes 1 of 2 layers in int8",
        "ort:cpu computes these in float32 all the same, with 48% of the multiply-adds: layer1.0.conv1",
        "openvino: it cannot load it",
        "fc Gemm 28.3",
        "0.40 [0.10 0.70] exceeded 0.250",
        "Written: int8.onnx.",
    ):
        assert words in said
    assert (seen["calibrate"], seen["max_drop"], seen["output"]) == (("a", "b*.jpg"), 0.003, "net-int8.onnx")


def test_a_ratio_without_an_interval_has_its_legend(stub: Callable[..., Any], invoke: Callable[..., Result]) -> None:
    legend = "?: too few launches for an interval."
    for ratio, shown in ((Estimate(0.31, 0.30, 0.32), False), (Estimate(0.395), True)):
        stub(replace(REPORT, proofs=(replace(REPORT.proofs[0], ratio=ratio),), notes=("It can't be told.",)))
        said = invoke("quantize", "net.onnx", "--calibrate", "a").stdout
        assert (legend in said, "0.395 ?" in said) == (shown, shown)
        assert said.endswith("It can't be told.\n\nWritten: int8.onnx.\n")


def test_json(stub: Callable[..., Any], invoke: Callable[..., Result], tmp_path: Path) -> None:
    stub(REPORT)
    done = invoke("quantize", "net.onnx", "--calibrate", "a", "--json", "--report", str(tmp_path / "report.json"))
    assert json.loads(done.stdout) == REPORT.as_dict() == json.loads((tmp_path / "report.json").read_text())


def test_page(stub: Callable[..., Any], invoke: Callable[..., Result], tmp_path: Path) -> None:
    stub(replace(REPORT, source="<b>.onnx"))
    invoke("quantize", "net.onnx", "--calibrate", "a", "--report", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    checker = Checker()
    checker.feed(page)
    assert (checker.open, checker.fetched) == ([], [])
    assert "&lt;b&gt;.onnx in int8" in page
    assert page.count('class="bar"') == len(REPORT.layers)
    assert page.count('class="mark error"') == len(REPORT.attempts)
    assert "fc (Gemm): 28.3 dB" in page
    assert "1 layers in float32: drop 0.40 points, time 0.310" in page
    assert "--max-drop</text>" in page
    empty = render(replace(REPORT, layers=(), attempts=(), proofs=()), "html")
    assert "<svg" not in empty


@needs_chromium
def test_page_on_a_phone_and_on_a_desktop(tmp_path: Path) -> None:
    layers = tuple(LayerNoise(f"layer{at}.0.conv1", "Conv", float(at), 0.0) for at in range(60))
    page = render(replace(REPORT, layers=layers), "html")
    for width in (360, 1280):
        assert evaluate(page, "page.documentElement.scrollWidth <= frame.innerWidth", tmp_path, width=width) == "true"


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"failures": ("It is not faster.",)}, 1, "error: It is not faster. int8.onnx was not written."),
        ({"undecided": "100 pictures don't tell."}, 6, "error: 100 pictures don't tell. int8.onnx was not written."),
    ],
)
@pytest.mark.parametrize("written", [False, True])
def test_a_refusal(
    changed: dict[str, Any],
    code: int,
    said: str,
    written: bool,
    stub: Callable[..., Any],
    invoke: Callable[..., Result],
) -> None:
    stub(replace(REPORT, written=written, **changed))
    done = invoke("quantize", "net.onnx", "--calibrate", "a")
    assert done.exit_code == code
    assert (said in done.stderr) is not written
    assert not (written and "--keep to write it" in done.stderr)
    assert ("It was written all the same" in done.stdout) is written


def test_without_pictures(invoke: Callable[..., Result]) -> None:
    done = invoke("quantize", "net.onnx")
    assert done.exit_code == 2
    assert "Give pictures such as the network will see with --calibrate" in done.stderr


@pytest.mark.parametrize("drop", ["much", "-1"])
def test_a_drop_that_is_none(drop: str, invoke: Callable[..., Result]) -> None:
    assert "is not a number of points such as 0.3" in invoke("quantize", "net.onnx", "--max-drop", drop).stderr


def test_the_literals_are_the_tables() -> None:
    assert set(PRECISIONS.values()) == {*REDUCED}
    assert list(IO.values()) == ["float32", "float16"]


def test_for_once_in_earnest(invoke: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labelled.network(tmp_path / "net.onnx")
    labelled.archive(tmp_path / "digits.npz")
    options = ["--calibrate", "digits.npz", "--samples", "64", "--for", "tensorrt", "--report", "report.json"]
    done = invoke("quantize", "net.onnx", *options, "--labelled", "digits.npz", "--max-drop", "5")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"  accuracy +-?\d+\.\d\d points \[.*\] below float32", done.stdout)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["quantization"]["recipe"]["preset"] == "tensorrt"
    assert report["check"]["status"] == "passed"
    assert {one["ratio"] for one in report["proofs"]} == {None}
    assert "quantised      int8, tensorrt" in invoke("inspect", "net-int8.onnx").stdout


def test_the_page_has_every_option_target_and_method() -> None:
    page = (Path(__file__).parents[2] / "docs/quantize.md").read_text()
    options = {max(one.opts, key=len) for one in quantize.params if isinstance(one, click.Option)}
    assert {*options, *TARGETS, *RANGES} <= set(re.findall(r"^\| `([^`]+)` ", page, re.MULTILINE))
