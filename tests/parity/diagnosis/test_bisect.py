"""The first wrong layer is found from the values in between, without looking into the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from resnet_export import ResNetSpec, Weights, export
from resnet_export.graph.file import read, read_metadata
from resnet_export.parity.diagnosis.bisect import bisect
from resnet_export.parity.gate.inputs import image_input_of, random_inputs
from resnet_export.runtimes import open_session
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.parity.gate.inputs import InputSet

SPEC = ResNetSpec(depth=18, num_classes=10, width=8, image_size=32)


@pytest.fixture(scope="module")
def weights() -> Weights:
    return Weights(SPEC, trained_like(SPEC, seed=1))


@pytest.fixture(scope="module")
def file(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bisect") / "net.onnx"
    export(weights, path, framework="keras", head="probabilities")
    return path


def inputs_of(path: Path) -> InputSet:
    metadata = read_metadata(read(path), path)
    return random_inputs(image_input_of(metadata.canonical, metadata.interface), metadata.preprocessing)


@pytest.mark.parametrize("runtime", ["ort:cpu", "torch", "keras"])
def test_a_right_file_has_no_wrong_layer_in_any_runtime(file: Path, weights: Weights, runtime: str) -> None:
    inputs = inputs_of(file)
    with open_session(runtime, file) as session:
        found = bisect(session, SPEC.canonical, weights, inputs, inputs.exact[:2])
    shown = {layer.layer for layer in found.layers}
    assert {step.name for step in SPEC.canonical.steps if step.op in ("Conv", "Gemm", "Relu")} <= shown
    assert [layer for layer in found.layers if layer.wrong] == []
    assert (found.first_wrong, found.cause) == (None, None)


@pytest.mark.parametrize("layer", ["conv1", "layer2.0.downsample.0", "layer4.1.conv2", "fc"])
def test_a_spoilt_layer_is_the_only_wrong_one(file: Path, weights: Weights, layer: str, tmp_path: Path) -> None:
    proto = onnx.load(file)
    bias = next(tensor for tensor in proto.graph.initializer if tensor.name == f"{layer}.bias")
    numbers = onnx.numpy_helper.to_array(bias).copy()
    numbers[0] += 0.01
    bias.CopyFrom(onnx.numpy_helper.from_array(numbers.astype(np.float32), bias.name))
    spoilt = tmp_path / "spoilt.onnx"
    onnx.save(proto, spoilt)
    inputs = inputs_of(spoilt)
    with open_session("ort:cpu", spoilt) as session:
        found = bisect(session, SPEC.canonical, weights, inputs, inputs.exact[:1])
    assert [item.layer for item in found.layers if item.wrong] == [layer]
    assert found.first_wrong == layer
