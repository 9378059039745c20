from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from resnet_export.assumptions import Assumption
from resnet_export.graph.interface import Interface
from resnet_export.parity.results import VerifyReport
from resnet_export.pipeline.report import NetworkFacts
from resnet_export.report.export import render
from resnet_export.report.verify.summary import findings
from resnet_export.spec import ResNetSpec
from resnet_export.terminal import WIDTH
from tests.report.examples import COMPARISON, DIAGNOSIS, FAILED, PASSED, SOURCE, example


@pytest.mark.parametrize(
    "fact",
    [
        "ResNet-18 from torch",
        "resnet18.onnx, 46.8 MB, opset 17",
        "3144409cae22... (the file), 250acb05f096... (its weights)",
        "float32 (batch, 3, 224, 224), NCHW",
        "logits: float32 (batch, 1000)",
        "11,689,512 parameters, 1.814 G multiply-adds at 224 x 224",
        "49 in all, 8 Add, 20 Conv",
        "He initialisation, seed 0",
        "resize 256 (bilinear), crop 224, mean 0.485/0.456/0.406",
        "origin: ImageNet's, left to the caller",
        "6.9 s (most: trace 6.5, verify 0.3)",
    ],
)
def test_tells_what_was_written(fact: str) -> None:
    assert fact in render(example())


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, "crop 224 (half a pixel rounds down),"),
        ({"half": "even"}, "crop 224,"),
        ({"aspect": "squashed", "resize": 256}, "crop 224 (half a pixel rounds down),"),
        ({"aspect": "squashed", "resize": 224}, "crop 224,"),
    ],
)
def test_a_crop_that_begins_elsewhere_than_torchvisions(change: dict[str, Any], shown: str) -> None:
    found = replace(example().preprocessing, **{"half": "down", **change})
    assert shown in render(example(preprocessing=found)).replace("\n                ", "")


def test_the_interface_shows_in_input_and_output() -> None:
    interface = Interface("nhwc", 4, True, "embedding", "uint8", 13)
    text = render(example(interface=interface))
    assert "uint8 (4, height, width, 3), NHWC" in text
    assert "embedding: float32 (4, 512)" in text
    assert "opset 13" in text
    assert "normalised in the file" in text


def test_a_static_size_in_nhwc() -> None:
    assert "float32 (batch, 224, 224, 3), NHWC" in render(example(interface=Interface("nhwc")))


@pytest.mark.parametrize(
    ("size", "shown"), [(999, "999 bytes"), (715_300, "715.3 kB"), (1_000_000, "1.0 MB"), (2_500_000_000, "2.5 GB")]
)
def test_sizes_are_decimal(size: int, shown: str) -> None:
    assert f"resnet18.onnx, {shown}, " in render(example(size=size))


def test_small_networks_count_in_millions() -> None:
    spec = ResNetSpec(width=8, num_classes=10, image_size=32, stem="cifar")
    assert f"{spec.multiply_adds / 1e6:.3f} M multiply-adds at 32 x 32" in render(
        example(spec=spec, network=NetworkFacts.of(spec.network))
    )


def test_the_table_pairs_the_file_with_its_source() -> None:
    header, row = table_of(render(example()))
    assert header.split() == ["inputs", "batch", "runtime", "file", "error", "torch", "error", "ratio", "top-1"]
    assert row.split() == ["random", "1", "ort:cpu", "2.7e-07", "3.1e-07", "0.90", "1/1"]


def test_a_row_without_its_source() -> None:
    _, row = table_of(render(example(verification=replace(PASSED, comparisons=(COMPARISON,)))))
    assert row.split() == ["random", "1", "ort:cpu", "2.7e-07", "-", "0.90", "1/1"]


def test_a_row_fails_with_its_source() -> None:
    comparisons = (COMPARISON, replace(SOURCE, passed=False))
    _, row = table_of(render(example(verification=replace(FAILED, comparisons=comparisons))))
    assert row.endswith("FAILED")


@pytest.mark.parametrize(("error", "told"), [(1e-5, False), (0.03, True)])
def test_a_source_that_is_far_from_the_truth_by_itself_is_told(error: float, told: bool) -> None:
    comparisons = (COMPARISON, replace(SOURCE, error=error * SOURCE.scale))
    text = " ".join(render(example(verification=replace(PASSED, comparisons=comparisons))).split())
    note = "the network magnifies rounding: the torch model's own float32 run is 3e-02 of the largest value"
    assert (note in text) == told


def test_a_source_that_rounding_alone_takes_far_from_the_truth_is_no_failure() -> None:
    comparisons = (COMPARISON, replace(SOURCE, error=0.2 * SOURCE.scale, passed=False, excused=True))
    found = replace(PASSED, comparisons=comparisons, notes=("The network magnifies rounding: ...",))
    text = " ".join(render(example(verification=found)).split())
    assert text.count("magnifies rounding") == 1
    assert "Passed: the file, and NumPy in float32, differ from the float64 truth by no more than rounding" in text
    assert "FAILED" not in text


def test_images_too_close_to_call_are_counted() -> None:
    comparison = replace(COMPARISON, batch=7, top1_agreed=6, top1_exempt=1)
    text = render(example(verification=replace(PASSED, comparisons=(comparison,))))
    assert "6/7 (+1 too close)" in text


def test_says_what_the_errors_are_of_and_which_ratio_passes() -> None:
    told = " ".join(render(example()).split())
    scale = f"{COMPARISON.scale:.3g}"
    assert f"errors: on logits of up to {scale}. ratio: error over torch's, or over the rounding floor" in told
    assert "where that is larger; up to 4 passes." in told
    source = replace(SOURCE, quantity="output", scale=0.5)
    told = " ".join(render(example(verification=replace(PASSED, comparisons=(COMPARISON, source)))).split())
    assert f"errors: the file's on logits of up to {scale}, torch's on probabilities of up to 0.5." in told


def test_the_conclusion_of_a_pass() -> None:
    text = " ".join(render(example()).split())
    assert (
        "Passed: the file and the torch model differ from the float64 truth by no more than rounding explains." in text
    )
    assert "FAILED" not in text


def test_the_conclusion_of_a_failure() -> None:
    text = render(example(verification=FAILED))
    assert "FAILED: the file would not be the network of its source." in text
    assert "The file is 0.25 from the truth, and 1.2e-06 passes." in text
    assert "First wrong layer: layer2.0.conv1, in the file: its weight differs by 3e+04 ulp." in text
    assert "Likely cause: two output channels have changed places." in text
    assert "Passed" not in text


def test_a_failure_before_any_number() -> None:
    text = render(example(verification=replace(FAILED, comparisons=())))
    assert "Distance" not in text
    assert "First wrong layer: layer2.0.conv1" in text


def test_an_unchecked_file_says_so() -> None:
    text = render(example(verification=None))
    assert "Not checked (--no-verify)" in text
    assert "Passed" not in text


def test_notes_are_shown() -> None:
    assert "note: 2 pictures were left out." in render(
        example(verification=replace(PASSED, notes=("2 pictures were left out.",)))
    )


def test_a_diagnosis_is_not_said_twice() -> None:
    failure = f"{DIAGNOSIS.layer}: {DIAGNOSIS.detail}"
    lines = findings(VerifyReport("a.onnx", False, (), (failure,), diagnosis=DIAGNOSIS))
    assert [line.split(":")[0] for line in lines] == ["First wrong layer", "Likely cause"]


@pytest.mark.parametrize("verification", [PASSED, FAILED, None])
def test_fits_80_columns_in_plain_ascii(verification: VerifyReport | None) -> None:
    interface = Interface("nhwc", None, True, "probabilities", "uint8", 26)
    text = render(example(verification=verification, interface=interface, spec=ResNetSpec(depth=152)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.isascii()
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_long_path_stays_whole() -> None:
    path = "/".join(["folder"] * 20) + "/resnet18.onnx"
    assert path in render(example(path=path))


def table_of(text: str) -> list[str]:
    """The header and the rows."""
    lines = text.splitlines()
    start = lines.index("Distance from the float64 truth") + 1
    return [line for line in lines[start:] if line.startswith("  ")][:2]


def test_labels_and_what_was_assumed() -> None:
    eps = Assumption("network", "eps", "eps 1e-05", "--eps")
    size = Assumption("pictures", "image size", "224 x 224 pixels", "--image-size")
    text = " ".join(render(example(labels=("cat", "dog", "horse", "cow"), assumptions=(eps, size))).split())
    assert "labels 4 in all, 0 cat, 1 dog, 2 horse, ..." in text
    assert "assumed, since the checkpoint can't show it: eps 1e-05 (--eps), image size (--image-size)" in text
    assert "Passed: the file is that network, with what was assumed of it; the file and the torch model" in text
    known = " ".join(render(example(assumptions=(size,))).split())
    assert "assumed, since the source can't show it: image size (--image-size)" in known
    assert "Passed: the file and the torch model" in known


def test_a_normalisation_that_was_assumed_is_not_called_proven() -> None:
    guessed = [Assumption("pictures", name, value, f"--{name}") for name, value in (("mean", "0.5"), ("std", "0.25"))]
    pixels = replace(example().interface, preprocess="uint8")
    told = " ".join(render(example(assumptions=tuple(guessed), interface=pixels)).split())
    assert told.endswith(
        "explains. Not proven: the file normalises pixels with mean 0.5 (--mean) and std 0.25 (--std). "
        "That is assumed; the source can't show it."
    )
    assert "Not proven" not in render(example(assumptions=tuple(guessed)))
    assert "Not proven" not in render(example(interface=pixels))
