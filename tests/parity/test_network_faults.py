"""Faults in networks of no known family: whichever side has one, it is refused, with layer and side."""

from __future__ import annotations

import copy
import importlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest

from resnet_export import CheckpointError, ParityError, ResNetSpec, export
from resnet_export.convert import Topology
from resnet_export.live.keras import KerasModel
from resnet_export.live.torch import TorchModel

from . import network_faults, networks

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.network import Network
    from resnet_export.network.residual import Block

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
SIDES = dict.fromkeys(networks.KINDS, "what the torch converter made of the model") | {
    "keras": "what the keras converter made of the model",
    "file": "what was read of the file",
}
FEW = {("residual", "eps"), ("keras", "pad"), ("mobile", "relu"), ("dense", "twice"), ("file", "stride")}
"""What the tests of every day take; the rest is for the long ones."""


def every(kinds: tuple[str, ...] = networks.KINDS, few: set[tuple[str, str]] = FEW) -> list[Any]:
    """Each fault in a third of the kinds: all pairs take ten minutes."""
    pairs = [
        (kind, fault) for i, kind in enumerate(kinds) for j, fault in enumerate(networks.FAULTS) if (i + j) % 3 == 0
    ]
    return [
        pytest.param(kind, fault, marks=[] if (kind, fault) in few else pytest.mark.long, id=f"{kind}-{fault}")
        for kind, fault in dict.fromkeys([*(pair for pair in sorted(few) if pair[0] in kinds), *pairs])
    ]


@cache
def traced(kind: str) -> tuple[ir.ModelProto, Topology]:
    """The topology of a whole network, traced once."""
    converter = importlib.import_module(f"resnet_export.convert.{'keras' if kind == 'keras' else 'torch'}")
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


@pytest.mark.long
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


def test_in_the_written_file_and_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph and metadata that agree with each other, and not with the network that was read."""
    import resnet_export.pipeline as pipeline

    patch_trace("residual", monkeypatch)
    fold = pipeline.fold

    def folded_otherwise(network: Network) -> Network:
        return fold(network_faults.changed(network, network.step["conv"], pads=network_faults.PADS))

    monkeypatch.setattr(pipeline, "fold", folded_otherwise)
    refused(networks.live("residual"), tmp_path, "the file", "pad")


@pytest.mark.parametrize(("kind", "fault"), every(few={("residual", "eps"), ("keras", "pad")}))
def test_a_live_model_is_what_it_is(kind: str, fault: str, tmp_path: Path) -> None:
    """Without a claim, nothing in it is a fault: it is exported, and equal to its own run."""
    source = networks.source(kind, tmp_path, fault)
    report = export(source, tmp_path / "net.onnx", image_size=networks.IMAGE[1])
    assert report.passed
    assert {comparison.runtime for comparison in report.verification.comparisons} >= {report.framework, "ort:cpu"}
    if kind != "file":
        assert report.verification.witness < 2**-22


CLAIMED = {
    "eps": ("layer2.0.conv2", "eps 0.01"),
    "pad": ("layer2.0.conv2", "padding"),
    "stride": ("layer2.0.conv1", "stride"),
    "relu": ("layer2.0.relu1", "ReLU is missing"),
    "twice": ("layer2.0.conv2", "applied twice"),
}
"""Fault in a block of a ResNet-18 -> the layer that is named, and a part of the cause."""


@pytest.fixture(scope="module")
def whole() -> Any:
    from resnet_export.models import torch as definition

    torch_model = definition.build(ResNetSpec(depth=18, width=4, num_classes=6, image_size=32))
    return networks.with_statistics(torch_model.eval())


@pytest.mark.parametrize("fault", [pytest.param(f, marks=[] if f == "pad" else pytest.mark.long) for f in CLAIMED])
def test_a_live_model_of_which_a_family_is_claimed(fault: str, whole: Any, tmp_path: Path) -> None:
    model = copy.deepcopy(whole)
    networks.break_block(model.layer2[0], fault)
    layer, cause = CLAIMED[fault]
    with pytest.raises(CheckpointError, match=f"First wrong layer: {layer}, in the torch model: .*{cause}"):
        export(model, tmp_path / "net.onnx", depth=18)
    report = export(model, tmp_path / "net.onnx", image_size=32)
    assert report.passed
    assert report.spec is None
    assert report.verification.witness < 2**-22


@pytest.mark.parametrize("fault", [pytest.param(f, marks=[] if f == "relu" else pytest.mark.long) for f in CLAIMED])
def test_a_live_keras_model_of_which_a_family_is_claimed(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from resnet_export.models import keras as definition

    whole = definition.residual

    def residual(x: Any, block: Block, eps: float) -> Any:
        if block.name == "layer2.0":
            return networks.keras_block(x, block, eps, fault)
        return whole(x, block, eps)

    keras.utils.clear_session()
    with monkeypatch.context() as patched:
        patched.setattr(definition, "residual", residual)
        model = definition.build(ResNetSpec(depth=18, width=4, num_classes=6, image_size=32))
    networks.trained(model)
    layer, cause = CLAIMED[fault]
    with pytest.raises(CheckpointError, match=f"First wrong layer: {layer}, in the keras model: .*{cause}"):
        export(model, tmp_path / "net.onnx", depth=18)
    report = export(model, tmp_path / "net.onnx")
    assert report.passed
    assert report.spec is None
    assert report.verification.witness < 2**-22


@pytest.mark.long
def test_a_converters_mistake_is_not_laid_at_the_models_door(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = TorchModel.trace

    def wrong(self: Any, image: tuple[int, int, int]) -> Topology:
        topology = trace(self, image)
        (node,) = (n for n in topology.graph.graph if network_faults.is_of(n, "layer2.0.conv2") and n.op_type == "Conv")
        node.attributes["pads"] = ir.AttrInt64s("pads", network_faults.PADS)
        return topology

    monkeypatch.setattr(TorchModel, "trace", wrong)
    side = "what the torch converter made of the model"
    with pytest.raises(CheckpointError, match=f"First wrong layer: layer2.0.conv2, in {side}"):
        export(whole, tmp_path / "net.onnx", depth=18)
