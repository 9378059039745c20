"""Every known fault, injected wherever it can occur, is refused, and its layer, side and cause are named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from resnet_export import ParityError, ResNetSpec, Weights, export
from resnet_export.weights.initial import trained_like

from . import faults

if TYPE_CHECKING:
    from pathlib import Path


def weights_for(depth: int) -> Weights:
    spec = ResNetSpec(depth=depth, num_classes=10, width=8, image_size=32)
    return Weights(spec, trained_like(spec, seed=7))


def refused(fault: str, framework: str, output: Path) -> ParityError:
    with pytest.raises(ParityError) as caught:
        export(weights_for(faults.FAULTS[fault].depth), output, framework=framework)
    assert list(output.parent.iterdir()) == [], "nothing is left behind"
    return caught.value


def assert_named(error: ParityError, fault: str, side: str) -> None:
    expected = faults.FAULTS[fault]
    diagnosis = error.report.verification.diagnosis
    assert (diagnosis.layer, diagnosis.side) == (expected.layer, side)
    assert re.search(expected.cause, diagnosis.cause or ""), diagnosis
    for part in (diagnosis.layer, diagnosis.side, diagnosis.cause):
        assert part in error.message


@pytest.mark.long
@pytest.mark.parametrize(("fault", "framework"), faults.IN_EVERY_FRAMEWORK)
def test_in_the_definition(fault: str, framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    getattr(faults, f"in_{framework}_definition")(fault, monkeypatch)
    assert_named(refused(fault, framework, tmp_path / "net.onnx"), fault, f"the {framework} model")


@pytest.mark.long
@pytest.mark.parametrize(("fault", "framework"), faults.IN_EVERY_FRAMEWORK)
def test_in_the_converters_output(fault: str, framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults.in_converter(fault, framework, monkeypatch)
    error = refused(fault, framework, tmp_path / "net.onnx")
    assert_named(error, fault, f"what the {framework} converter made of the model")


@pytest.mark.parametrize("fault", faults.EVERY_FAULT)
def test_in_the_bound_file(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults.in_bound_file(fault, monkeypatch, weights_for(faults.FAULTS[fault].depth))
    assert_named(refused(fault, "keras", tmp_path / "net.onnx"), fault, "the file")
