"""The faults that an export must refuse, and how each is put into a definition, a converter's output or a bound file.

A fault is made in one chosen layer, which is not the first one where it can be another.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest
from resnet_export.graph.batch_norm import RecogniseBatchNorm

from resnet_export.graph.access import insert, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

STRIDED = "layer2.0.conv1"
NORM = "layer3.1.bn1"
BIASES = ("layer3.1.bn1.bias", "layer3.1.bn2.bias")
RELU = "layer2.1.relu1"


@dataclass(frozen=True)
class Fault:
    layer: str
    """The first layer that is wrong."""
    cause: str
    """A regular expression that the likely cause matches."""
    depth: int = 18


FAULTS = {
    "same padding of a convolution": Fault(STRIDED, "SAME padding"),
    "same padding of the max pool": Fault("maxpool", "SAME padding"),
    "eps 1e-3": Fault("layer3.1.conv1", "eps 0.001"),
    "channel order": Fault("conv1", "channels"),
    "swapped biases": Fault("layer3.1.conv1", "biases has changed places"),
    "batch norm left out": Fault("layer3.1.conv1", "batch norm was (left out|not folded)"),
    "batch norm twice": Fault("layer3.1.conv1", "batch norm was (applied|folded) twice"),
    "missing ReLU": Fault(RELU, "ReLU is missing"),
    "stride on the 1x1": Fault("layer2.0.conv1", "stride stands on another convolution", depth=50),
}

EVERY_FAULT = [
    pytest.param(fault, marks=[] if fault in ("eps 1e-3", "missing ReLU") else pytest.mark.long) for fault in FAULTS
]
"""The names, to parametrise a test with: most of them are for the long tests."""


def in_torch_definition(fault: str, monkeypatch: Any) -> None:
    from torch import nn

    from resnet_export.models import torch as definition

    class PaddedBelow(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(nn.functional.pad(x, (0, 1, 0, 1)))

    class Backwards(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.flip(1))

    class Skipped(nn.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    class Twice(nn.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(super().forward(x))

    def spoil(model: nn.Module) -> None:
        match fault:
            case "same padding of a convolution":
                conv = model.get_submodule(STRIDED)
                conv.__class__, conv.padding = PaddedBelow, (0, 0)
            case "same padding of the max pool":
                model.maxpool = nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), 0.0), nn.MaxPool2d(3, 2))
            case "eps 1e-3":
                model.get_submodule(NORM).eps = 1e-3
            case "channel order":
                model.conv1.__class__ = Backwards
            case "batch norm left out":
                model.get_submodule(NORM).__class__ = Skipped
            case "batch norm twice":
                model.get_submodule(NORM).__class__ = Twice
            case "missing ReLU":
                model.get_submodule(RELU.rpartition(".")[0]).relu1 = nn.Identity()
            case "stride on the 1x1":
                block = model.layer2[0]
                block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)

    _after_building(definition, monkeypatch, spoil)
    _swap_while_loading(fault, definition, monkeypatch)


def in_keras_definition(fault: str, monkeypatch: Any) -> None:
    from keras import layers

    from resnet_export.models import keras as definition

    class Backwards(layers.Conv2D):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs[..., ::-1])

    class Skipped(layers.BatchNormalization):
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return inputs

    class Twice(layers.BatchNormalization):
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(super().call(inputs, training=training), training=training)

    def replace(layer: str, name: str, other: Callable[..., Any]) -> None:
        """Lets the definition make `other` where it would make the layer `name`."""
        original = getattr(layers, layer)

        def make(*args: Any, **options: Any) -> Any:
            return (other if options.get("name") == name else original)(*args, **options)

        monkeypatch.setattr(definition.layers, layer, make)

    below = ((0, 1), (0, 1))
    original_padding, original_norm, original_relu = layers.ZeroPadding2D, layers.BatchNormalization, layers.ReLU
    match fault:
        case "same padding of a convolution":
            replace("ZeroPadding2D", f"{STRIDED}.pad", lambda _, name: original_padding(below, name=name))
        case "same padding of the max pool":
            replace("ZeroPadding2D", "maxpool.pad", lambda _, name: original_padding(below, name=name))
        case "eps 1e-3":
            replace("BatchNormalization", NORM, lambda **options: original_norm(**(options | {"epsilon": 1e-3})))
        case "channel order":
            replace("Conv2D", "conv1", Backwards)
        case "batch norm left out":
            replace("BatchNormalization", NORM, Skipped)
        case "batch norm twice":
            replace("BatchNormalization", NORM, Twice)
        case "missing ReLU":
            replace("ReLU", RELU, lambda name: original_relu(negative_slope=1.0, name=name))
        case "stride on the 1x1":
            conv = definition.conv

            def moved(x: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
                stride = {"layer2.0.conv1": 2, "layer2.0.conv2": 1}.get(name, stride)
                return conv(x, channels, kernel, stride, name)

            monkeypatch.setattr(definition, "conv", moved)
    _swap_while_loading(fault, definition, monkeypatch)


def in_converter(fault: str, framework: str, monkeypatch: Any) -> None:
    converter = importlib.import_module(f"resnet_export.convert.{framework}")
    to_onnx = converter.to_onnx

    def faulty(model: Any, spec: Any) -> ir.Model:
        raw = to_onnx(model, spec)
        RecogniseBatchNorm()(raw)
        spoil_topology(fault, raw)
        return raw

    monkeypatch.setattr(converter, "to_onnx", faulty)


def spoil_topology(fault: str, raw: ir.Model) -> None:
    """Puts a fault into a raw topology, in which every batch norm is one node."""
    inputs = {value.name: value for value in raw.graph.inputs}
    norm = next(node for node in raw.graph if _takes(node, "BatchNormalization", f"{NORM}.weight"))
    match fault:
        case "same padding of a convolution":
            _conv(raw, STRIDED).attributes["pads"] = ir.AttrInt64s("pads", (0, 0, 1, 1))
        case "same padding of the max pool":
            pool = next(node for node in raw.graph if node.op_type == "MaxPool")
            while pool.inputs[0].producer().op_type in ("Pad", "Transpose"):
                pool.replace_input_with(0, pool.inputs[0].producer().inputs[0])
            if pool.inputs[0].producer().op_type == "Relu" and _is_channels_last(pool.inputs[0]):
                turned = insert(pool, "Transpose", [pool.inputs[0]], {"perm": (0, 3, 1, 2)})
                pool.replace_input_with(0, turned.outputs[0])
            pool.attributes["pads"] = ir.AttrInt64s("pads", (0, 0, 1, 1))
        case "eps 1e-3":
            norm.attributes["epsilon"] = ir.AttrFloat32("epsilon", 1e-3)
        case "channel order":
            conv = _conv(raw, "conv1")
            order = insert(conv, "Constant", [], {"value_ints": (2, 1, 0)}).outputs[0]
            turned = insert(conv, "Gather", [conv.inputs[0], order], {"axis": 1})
            conv.replace_input_with(0, turned.outputs[0])
        case "swapped biases":
            first, second = (inputs[name] for name in BIASES)
            uses = [(use.node, use.idx, other) for value, other in ((first, second), (second, first))
                    for use in value.uses()]  # fmt: skip
            for node, index, other in uses:
                node.replace_input_with(index, other)
        case "batch norm left out":
            redirect(norm.outputs[0], norm.inputs[0])
        case "batch norm twice":
            users = [(use.node, use.idx) for use in norm.outputs[0].uses()]
            again = ir.node("BatchNormalization", [norm.outputs[0], *norm.inputs[1:]], {"epsilon": 1e-5})
            raw.graph.insert_after(norm, again)
            for node, index in users:
                node.replace_input_with(index, again.outputs[0])
        case "missing ReLU":
            relu = _relu_behind(raw, "layer2.1.bn1.weight")
            redirect(relu.outputs[0], relu.inputs[0])
        case "stride on the 1x1":
            _conv(raw, "layer2.0.conv1").attributes["strides"] = ir.AttrInt64s("strides", (2, 2))
            _conv(raw, "layer2.0.conv2").attributes["strides"] = ir.AttrInt64s("strides", (1, 1))


def in_bound_file(fault: str, monkeypatch: Any, weights: Any) -> None:
    from resnet_export import pipeline

    bind = pipeline.bind

    def faulty(model: ir.Model, arrays: Any) -> None:
        bind(model, arrays)
        spoil_file(fault, model, weights)

    monkeypatch.setattr(pipeline, "bind", faulty)


def spoil_file(fault: str, model: ir.Model, weights: Any) -> None:
    """Puts a fault into a canonical graph with its numbers."""
    nodes = {node.name: node for node in model.graph}
    conv, norm = "layer3.1.conv1", NORM
    kernel = weights[f"{conv}.weight"].astype(np.float64)
    gamma, beta, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )

    def put(name: str, array: Any) -> None:
        model.graph.initializers[name].const_value = ir.Tensor(np.asarray(array, np.float32), name=name)

    def get(name: str) -> Any:
        return model.graph.initializers[name].const_value.numpy()

    match fault:
        case "same padding of a convolution":
            nodes[STRIDED].attributes["pads"] = ir.AttrInt64s("pads", (0, 0, 1, 1))
        case "same padding of the max pool":
            nodes["maxpool"].attributes["pads"] = ir.AttrInt64s("pads", (0, 0, 1, 1))
        case "eps 1e-3":
            scale = gamma / np.sqrt(variance + 1e-3)
            put(f"{conv}.weight", kernel * scale[:, None, None, None])
            put(f"{conv}.bias", beta - mean * scale)
        case "channel order":
            put("conv1.weight", get("conv1.weight")[:, ::-1])
        case "swapped biases":
            first, second = get(f"{conv}.bias"), get("layer3.1.conv2.bias")
            put(f"{conv}.bias", second)
            put("layer3.1.conv2.bias", first)
        case "batch norm left out":
            put(f"{conv}.weight", kernel)
            put(f"{conv}.bias", 0 * beta)
        case "batch norm twice":
            scale = gamma / np.sqrt(variance + 1e-5)
            put(f"{conv}.weight", kernel * (scale * scale)[:, None, None, None])
            put(f"{conv}.bias", (beta - mean * scale) * scale + beta - mean * scale)
        case "missing ReLU":
            relu = nodes[RELU]
            redirect(relu.outputs[0], relu.inputs[0])
            model.graph.remove(relu, safe=True)
        case "stride on the 1x1":
            nodes["layer2.0.conv1"].attributes["strides"] = ir.AttrInt64s("strides", (2, 2))
            nodes["layer2.0.conv2"].attributes["strides"] = ir.AttrInt64s("strides", (1, 1))


def _after_building(definition: Any, monkeypatch: Any, spoil: Callable[[Any], None]) -> None:
    build = definition.build

    def faulty(spec: Any) -> Any:
        model = build(spec)
        spoil(model)
        return model

    monkeypatch.setattr(definition, "build", faulty)


def _swap_while_loading(fault: str, definition: Any, monkeypatch: Any) -> None:
    if fault != "swapped biases":
        return
    load = definition.load

    def faulty(model: Any, weights: Any) -> None:
        first, second = BIASES
        load(model, type(weights)(weights.spec, {**weights, first: weights[second], second: weights[first]}))

    monkeypatch.setattr(definition, "load", faulty)


def _takes(node: ir.Node, op: str, parameter: str) -> bool:
    return node.op_type == op and any(value is not None and value.name == parameter for value in node.inputs)


def _conv(raw: ir.Model, name: str) -> ir.Node:
    """The convolution with the weight of the layer `name`, which Keras transposes back and forth first."""
    for node in raw.graph:
        if node.op_type != "Conv":
            continue
        weight = node.inputs[1]
        while weight.producer() is not None:
            weight = weight.producer().inputs[0]
        if weight.name == f"{name}.weight":
            return node
    raise LookupError(name)


def _relu_behind(raw: ir.Model, parameter: str) -> ir.Node:
    """The ReLU after a batch norm, past a transpose."""
    node = next(node for node in raw.graph if _takes(node, "BatchNormalization", parameter))
    while node.op_type != "Relu":
        node = node.outputs[0].uses()[0].node
    return node


def _is_channels_last(value: ir.Value) -> bool:
    """Whether a ReLU works on what a transpose to channels last gave it."""
    return value.producer().inputs[0].producer().op_type == "Transpose"
