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

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from resnet_export.convert import Topology

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

FEW = {"eps 1e-3": "torch", "missing ReLU": "keras"}
"""Fault -> framework, of the tests of every day; the rest is for the long ones."""
EVERY_FAULT = [pytest.param(fault, marks=[] if fault in FEW else pytest.mark.long) for fault in FAULTS]
IN_EVERY_FRAMEWORK = [
    pytest.param(fault, framework, marks=[] if FEW.get(fault) == framework else pytest.mark.long)
    for fault in FAULTS
    for framework in ("torch", "keras")
]
"""To parametrise a test with: names, and names with frameworks."""


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

            def moved(x: Any, channels: int, kernel: int, stride: int, name: str, *groups: int) -> Any:
                stride = {"layer2.0.conv1": 2, "layer2.0.conv2": 1}.get(name, stride)
                return conv(x, channels, kernel, stride, name, *groups)

            monkeypatch.setattr(definition, "conv", moved)
    _swap_while_loading(fault, definition, monkeypatch)


def in_converter(fault: str, framework: str, monkeypatch: Any) -> None:
    converter = importlib.import_module(f"resnet_export.convert.{framework}")
    trace = converter.trace

    def faulty(model: Any, image: tuple[int, int, int], **options: Any) -> Topology:
        topology: Topology = trace(model, image, **options)
        spoil_topology(fault, Raw(topology.graph, framework))
        return topology

    monkeypatch.setattr(converter, "trace", faulty)


def spoil_topology(fault: str, raw: Raw) -> None:
    """Puts a fault into a raw topology."""
    match fault:
        case "same padding of a convolution":
            pad_below(raw.conv(STRIDED))
        case "same padding of the max pool":
            pad_below(next(node for node in raw.graph if node.op_type == "MaxPool"))
        case "eps 1e-3":
            raw.norm(NORM).set_epsilon(1e-3)
        case "channel order":
            conv = raw.conv("conv1")
            order = inserted(conv, "Constant", [], {"value_ints": (2, 1, 0)})
            conv.replace_input_with(0, inserted(conv, "Gather", [conv.inputs[0], order], {"axis": 1}))
        case "swapped biases":
            first, second = (raw.parameter(name) for name in BIASES)
            uses = [(use.node, use.idx, other) for value, other in ((first, second), (second, first))
                    for use in value.uses()]  # fmt: skip
            for node, index, other in uses:
                node.replace_input_with(index, other)
        case "batch norm left out":
            norm = raw.norm(NORM)
            ir.convenience.replace_all_uses_with(norm.output, norm.taken)
        case "batch norm twice":
            raw.norm(NORM).apply_again()
        case "missing ReLU":
            relu = raw.norm("layer2.1.bn1").output.uses()[0].node
            assert relu.op_type == "Relu"
            ir.convenience.replace_all_uses_with(relu.outputs[0], relu.inputs[0])
        case "stride on the 1x1":
            raw.conv("layer2.0.conv1").attributes["strides"] = ir.AttrInt64s("strides", (2, 2))
            raw.conv("layer2.0.conv2").attributes["strides"] = ir.AttrInt64s("strides", (1, 1))


def pad_below(window: ir.Node) -> None:
    """The padding of TensorFlow's SAME at an even size, in place of what the window or a node before it has."""
    pad = window.inputs[0].producer()
    if pad is not None and pad.op_type == "Pad":
        window.replace_input_with(0, pad.inputs[0])
    elif pad is not None and pad.op_type == "Transpose" and pad.inputs[0].producer().op_type == "Pad":
        pad.replace_input_with(0, pad.inputs[0].producer().inputs[0])
    window.attributes.pop("auto_pad", None)
    window.attributes["pads"] = ir.AttrInt64s("pads", (0, 0, 1, 1))


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
            ir.convenience.replace_all_uses_with(relu.outputs[0], relu.inputs[0])
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


def inserted(before: ir.Node, op: str, inputs: list[Any], attributes: dict[str, Any] | None = None) -> ir.Value:
    """The output of a new node in front of another one."""
    node = ir.node(op, inputs, attributes or {})
    before.graph.insert_before(before, node)
    return node.outputs[0]


class Raw:
    """A raw topology of our own definition, whichever framework it came from."""

    def __init__(self, model: ir.Model, framework: str) -> None:
        self.graph, self._framework = model.graph, framework

    def parameter(self, name: str) -> ir.Value:
        """The input that is a parameter of the specification, such as `bn1.bias`."""
        if self._framework == "keras":
            layer, _, role = name.rpartition(".")
            kind = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
            name = f"{layer}/{kind[role] if 'bn' in layer else 'kernel'}"
        return next(value for value in self.graph.inputs if value.name == name)

    def conv(self, name: str) -> ir.Node:
        """The convolution of a layer, whose weight Keras transposes back and forth first."""
        weight = self.parameter(f"{name}.weight")
        while (node := weight.uses()[0].node).op_type != "Conv":
            weight = node.outputs[0]
        return node

    def norm(self, name: str) -> Norm:
        """The batch norm of that name."""
        return (NormNode if self._framework == "torch" else NormArithmetic)(self, name)


class NormNode:
    """A batch norm of PyTorch: one node."""

    def __init__(self, raw: Raw, name: str) -> None:
        self._node = raw.parameter(f"{name}.weight").uses()[0].node
        assert self._node.op_type == "BatchNormalization"
        self.taken, self.output = self._node.inputs[0], self._node.outputs[0]

    def set_epsilon(self, epsilon: float) -> None:
        self._node.attributes["epsilon"] = ir.AttrFloat32("epsilon", epsilon)

    def apply_again(self) -> None:
        again = ir.node("BatchNormalization", [self.output, *self._node.inputs[1:]], {"epsilon": 1e-5})
        _append(self._node, self.output, [again])


class NormArithmetic:
    """A batch norm of Keras: x * scale + shift, with scale = gamma / sqrt(variance + eps)."""

    def __init__(self, raw: Raw, name: str) -> None:
        self._variance = raw.parameter(f"{name}.running_var").uses()[0].node
        self._shift = raw.parameter(f"{name}.bias").uses()[0].node.outputs[0]
        self._sum = self._shift.uses()[0].node
        product = next(value.producer() for value in self._sum.inputs if value is not self._shift)
        assert (self._variance.op_type, self._sum.op_type, product.op_type) == ("Add", "Add", "Mul")
        scale = raw.parameter(f"{name}.weight").uses()[0].node.outputs[0]
        (self.taken,) = (value for value in product.inputs if value is not scale)
        self._scale, self.output = scale, self._sum.outputs[0]

    def set_epsilon(self, epsilon: float) -> None:
        index = next(i for i, value in enumerate(self._variance.inputs) if not value.is_graph_input())
        constant = inserted(self._variance, "Constant", [], {"value_float": epsilon})
        self._variance.replace_input_with(index, constant)

    def apply_again(self) -> None:
        scaled = ir.node("Mul", [self.output, self._scale])
        _append(self._sum, self.output, [scaled, ir.node("Add", [scaled.outputs[0], self._shift])])


Norm = NormNode | NormArithmetic


def _append(node: ir.Node, output: ir.Value, more: list[ir.Node]) -> None:
    """Puts nodes behind one whose output they take; the last of them gives it to the others that took it."""
    users = [(use.node, use.idx) for use in output.uses() if use.node not in more]
    node.graph.insert_after(node, more)
    for user, index in users:
        user.replace_input_with(index, more[-1].outputs[0])
