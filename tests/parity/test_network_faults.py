"""Faults in networks of no known family: whichever side has one, it is refused, with layer and side."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest

from resnet_export import ParityError, export
from resnet_export.convert import CONVERTERS, Topology
from resnet_export.live.keras import KerasModel
from resnet_export.live.torch import TorchModel

from . import network_faults, networks

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = {
    "eps": ("norm", "conv"),
    "pad": ("conv",),
    "stride": ("stem",),
    "relu": ("relu_0", "relu_1", "relu_2", "clip_0", "mix", "reduce"),
    "biases": ("norm", "conv", "second", "stem"),
    "twice": ("norm", "conv", "relu_0", "relu_1", "relu_2", "clip_0", "mul_1"),
}
"""Fault -> the layers that may be named: in a file, that which a batch norm is folded into; in a reading, the next one
whose output the model shows."""
SIDES = {kind: "what the torch converter made of the model" for kind in networks.KINDS} | {
    "keras": "what the keras converter made of the model",
    "file": "what was read of the file",
}
FEW = {("residual", "eps"), ("keras", "pad"), ("mobile", "relu"), ("dense", "twice"), ("file", "stride")}
"""What the tests of every day take; the rest is for the long ones."""


def every(kinds: tuple[str, ...] = networks.KINDS) -> list[Any]:
    return [
        pytest.param(kind, fault, marks=[] if (kind, fault) in FEW else pytest.mark.long, id=f"{kind}-{fault}")
        for kind in kinds
        for fault in networks.FAULTS
    ]


@cache
def traced(kind: str) -> tuple[ir.ModelProto, Topology]:
    """The topology of a whole network, traced once."""
    converter = importlib.import_module(CONVERTERS["keras" if kind == "keras" else "torch"])
    topology = converter.trace(networks.live(kind), networks.IMAGE)
    return ir.to_proto(topology.graph), topology


def topology_of(kind: str) -> Topology:
    proto, topology = traced(kind)
    return replace(topology, graph=ir.from_proto(proto))


def patch_trace(kind: str, monkeypatch: pytest.MonkeyPatch, fault: str | None = None) -> None:
    def trace(self: Any, image: tuple[int, int, int]) -> Topology:
        topology = topology_of(kind)
        return topology if fault is None else network_faults.in_topology(topology, fault)

    monkeypatch.setattr(KerasModel if kind == "keras" else TorchModel, "trace", trace)


def refused(source: Any, folder: Path, side: str, fault: str, **options: Any) -> None:
    output = folder / "net.onnx"
    with pytest.raises(ParityError) as caught:
        export(source, output, image_size=networks.IMAGE[1], **options)
    assert not output.exists()
    diagnosis = caught.value.report.verification.diagnosis
    assert diagnosis.side == side
    assert diagnosis.layer in LAYERS[fault], diagnosis
    assert diagnosis.layer in caught.value.message
    assert side in caught.value.message


@pytest.mark.parametrize(("kind", "fault"), every(("residual", "keras", "mobile", "dense")))
def test_in_the_converters_output(kind: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_trace(kind, monkeypatch, fault)
    refused(networks.live(kind), tmp_path, SIDES[kind], fault)


@pytest.mark.parametrize(("kind", "fault"), every())
def test_in_the_network_that_was_read(kind: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = networks.source(kind, tmp_path)
    module = "onnx_file" if kind == "file" else "reading"
    if kind != "file":
        patch_trace(kind, monkeypatch)
    read = importlib.import_module(f"resnet_export.sources.{module}").read

    def wrong(*given: Any, **options: Any) -> Any:
        return network_faults.in_reading(read(*given, **options), fault)

    monkeypatch.setattr(f"resnet_export.sources.{module}.read", wrong)
    refused(source, tmp_path, SIDES[kind], fault)


@pytest.mark.parametrize(("kind", "fault"), every())
def test_in_the_written_file(kind: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resnet_export.pipeline as pipeline

    source = networks.source(kind, tmp_path)
    if kind != "file":
        patch_trace(kind, monkeypatch)
    found: dict[str, Any] = {}
    load, write = pipeline.SourceModel._load, pipeline.write

    def loaded(self: Any) -> Any:
        found["trained"] = load(self)
        return found["trained"]

    def wrong(model: ir.Model, *given: Any) -> None:
        network_faults.in_file(model, found["trained"], fault)
        write(model, *given)

    monkeypatch.setattr(pipeline.SourceModel, "_load", loaded)
    monkeypatch.setattr(pipeline, "write", wrong)
    refused(source, tmp_path, "the file", fault)


@pytest.mark.parametrize(("kind", "fault"), every())
def test_a_live_model_is_what_it_is(kind: str, fault: str, tmp_path: Path) -> None:
    """Without a claim, nothing in it is a fault: it is exported, and equal to its own run."""
    source = networks.source(kind, tmp_path, fault)
    report = export(source, tmp_path / "net.onnx", image_size=networks.IMAGE[1])
    assert report.passed
    assert {comparison.runtime for comparison in report.verification.comparisons} >= {report.framework, "ort:cpu"}
    if kind != "file":
        assert report.verification.witness < 2**-22
