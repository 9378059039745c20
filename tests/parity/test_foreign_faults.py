"""Files that this package did not write: a fault is found by the values alone, with its layer and its cause."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export import ResNetSpec, Weights, verify
from resnet_export.weights.initial import trained_like

from . import faults

if TYPE_CHECKING:
    from pathlib import Path

CAUSES = {fault: known.cause for fault, known in faults.FAULTS.items()} | {
    "batch norm left out": "batch norm was left out",
    "batch norm twice": "batch norm was applied twice",
}


def weights_for(depth: int) -> Weights:
    spec = ResNetSpec(depth=depth, num_classes=10, width=8, image_size=32)
    return Weights(spec, trained_like(spec, seed=7))


def by_torch(weights: Weights, path: Path) -> None:
    import torch

    from resnet_export.models import torch as definition

    model = definition.build(weights.spec)
    definition.load(model, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own deprecations
        torch.onnx.export(
            model.eval(),
            (torch.zeros(2, 3, 32, 32),),
            path,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )


def by_tf2onnx(weights: Weights, path: Path) -> None:
    import tf2onnx

    from resnet_export.models import keras as definition

    model = definition.build(weights.spec)
    definition.load(model, weights)
    tf2onnx.convert.from_keras(model, opset=17, output_path=str(path))


EXPORTERS = {"torch": by_torch, "keras": by_tf2onnx}


@pytest.mark.long
@pytest.mark.parametrize("framework", EXPORTERS)
def test_a_right_file_passes(framework: str, tmp_path: Path) -> None:
    weights = weights_for(50)
    EXPORTERS[framework](weights, tmp_path / "net.onnx")
    report = verify(tmp_path / "net.onnx", weights=weights, runtimes=["ort:cpu"], bisect=True)
    assert report.failures == ()
    assert report.bisection is not None
    assert [layer.layer for layer in report.bisection.layers] == [step.name for step in weights.spec.canonical.steps]
    assert report.bisection.first_wrong is None


@pytest.mark.long
@pytest.mark.parametrize(("fault", "framework"), faults.IN_EVERY_FRAMEWORK)
def test_a_fault_is_named(fault: str, framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = faults.FAULTS[fault]
    weights = weights_for(known.depth)
    with monkeypatch.context() as patched:
        spoil: Any = getattr(faults, f"in_{framework}_definition")
        spoil(fault, patched)
        EXPORTERS[framework](weights, tmp_path / "net.onnx")
    report = verify(tmp_path / "net.onnx", weights=weights, runtimes=["ort:cpu"])
    assert not report.passed
    assert report.diagnosis is not None
    assert (report.diagnosis.layer, report.diagnosis.side) == (known.layer, "the file in ort:cpu")
    assert re.search(CAUSES[fault], report.diagnosis.cause or ""), report.diagnosis
