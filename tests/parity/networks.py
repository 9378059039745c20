"""Five kinds of tiny networks of no known family, each whole or with one fault built in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    from torch import nn

    from resnet_export.network.residual import Block

FAULTS = ("eps", "pad", "stride", "relu", "biases", "twice")
"""A wrong eps, other pads, another stride, a ReLU left out, two biases exchanged, a batch norm applied twice."""
KINDS = ("residual", "keras", "mobile", "dense", "file")
IMAGE = (3, 24, 24)
CHANNELS = 8


def live(kind: str, fault: str | None = None) -> Any:
    """The live model; of `file` the one that it was written from."""
    return keras_network(fault) if kind == "keras" else torch_network("residual" if kind == "file" else kind, fault)


def source(kind: str, folder: Path, fault: str | None = None) -> Any:
    """What is handed in: a live model, or the path of somebody else's file."""
    model = live(kind, fault)
    return foreign_file(model, folder / "foreign.onnx") if kind == "file" else model


def foreign_file(model: nn.Module, path: Path) -> str:
    """Writes a model as PyTorch's exporter does, under its names."""
    import onnx_ir as ir

    from resnet_export.convert.torch import trace

    topology = trace(model, IMAGE)
    graph = topology.graph.graph
    for value in [value for value in graph.inputs if value.name in topology.parameters]:
        graph.inputs.remove(value)
        value.const_value = ir.Tensor(topology.parameters[value.name], name=value.name)
        graph.register_initializer(value)
    ir.save(topology.graph, path)
    return str(path)


def torch_network(kind: str, fault: str | None = None) -> nn.Module:
    import torch
    from torch import nn

    torch.manual_seed(3)
    model = with_statistics(_classes()[kind]().eval())
    if fault is not None:
        _break(model, fault)
    assert isinstance(model, nn.Module)
    return model


def with_statistics(model: Any) -> Any:
    """The model with biases and running statistics as after a training."""
    for name, tensor in model.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.3)
        elif name.endswith("running_var"):
            tensor.uniform_(0.02, 0.2)  # so small that an eps of 1e-2 shows
    return model


def break_block(block: Any, fault: str) -> None:
    """Puts a fault into a basic block of a ResNet."""
    from torch import nn

    match fault:
        case "eps":
            block.bn2.eps = 1e-2
        case "pad":
            block.conv2.padding = (0, 0)
            block.conv2 = nn.Sequential(nn.ZeroPad2d((0, 2, 0, 2)), block.conv2)
        case "stride":
            block.conv1.stride, block.conv2.stride = (1, 1), (2, 2)
        case "relu":
            block.relu1 = nn.Identity()
        case "twice":
            block.bn2 = nn.Sequential(block.bn2, block.bn2)


def keras_block(x: Any, block: Block, eps: float, fault: str) -> Any:
    """A basic block of a ResNet in Keras, with a fault: what `break_block` makes of PyTorch's."""
    from keras import layers

    from resnet_export.models import keras as definition

    name, inner, stride = block.name, block.channels, block.stride
    first, second = (1, stride) if fault == "stride" else (stride, 1)
    y = definition.norm(definition.conv(x, inner, 3, first, f"{name}.conv1"), eps, f"{name}.bn1")
    if fault != "relu":
        y = layers.ReLU(name=f"{name}.relu1")(y)
    if fault == "pad":
        y = layers.ZeroPadding2D(((0, 2), (0, 2)), name=f"{name}.pad")(y)
        y = layers.Conv2D(inner, 3, use_bias=False, name=f"{name}.conv2")(y)
    else:
        y = definition.conv(y, inner, 3, second, f"{name}.conv2")
    norm = layers.BatchNormalization(epsilon=1e-2 if fault == "eps" else eps, name=f"{name}.bn2")
    y = norm(norm(y)) if fault == "twice" else norm(y)
    x = definition.norm(definition.conv(x, inner, 1, stride, f"{name}.downsample.0"), eps, f"{name}.downsample.1")
    y = layers.Add(name=f"{name}.add")([y, x])
    return layers.ReLU(name=f"{name}.relu2")(y)


def _break(model: Any, fault: str) -> None:
    from torch import nn

    match fault:
        case "eps":
            model.norm.eps = 1e-2
        case "pad":
            model.conv.padding = (0, 0)
            model.conv = nn.Sequential(nn.ZeroPad2d((0, 2, 0, 2)), model.conv)
        case "stride":
            model.stem.stride = (1, 1)
        case "relu":
            model.relu = nn.Identity()
        case "biases":
            first, second = model.norm.bias.data.clone(), model.second.bias.data.clone()
            model.norm.bias.data, model.second.bias.data = second, first
        case "twice":
            model.norm = nn.Sequential(model.norm, model.norm)


@cache
def _classes() -> dict[str, Any]:
    import torch
    from torch import nn
    from torch.nn import functional

    class Network(nn.Module):
        """`stem`, `conv`, `norm`, `relu` and `second`, another batch norm, are what a fault changes."""

        def __init__(self, convolution: nn.Module) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, CHANNELS, 3, stride=2, padding=1)
            self.second = nn.BatchNorm2d(CHANNELS)
            self.conv = convolution
            self.norm = nn.BatchNorm2d(CHANNELS)
            self.relu: nn.Module = nn.ReLU()
            self.mix = nn.Conv2d(CHANNELS, CHANNELS, 1)

    class Residual(Network):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False))
            self.fc = nn.Linear(CHANNELS, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = functional.max_pool2d(functional.relu(self.second(self.stem(x))), 3, 2, 1)
            x = x + self.mix(self.relu(self.norm(self.conv(x))))
            return self.fc(torch.flatten(functional.adaptive_avg_pool2d(functional.relu(x), 1), 1))

    class Mobile(Network):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False, groups=CHANNELS))
            self.relu = nn.ReLU6()
            self.reduce, self.expand = nn.Conv2d(CHANNELS, 4, 1), nn.Conv2d(4, CHANNELS, 1)
            self.fc = nn.Linear(CHANNELS, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = functional.hardswish(self.second(self.stem(x)))
            y = self.relu(4 * self.norm(self.conv(x)))
            weights = self.expand(functional.relu(self.reduce(functional.adaptive_avg_pool2d(y, 1))))
            x = x + self.mix(y * functional.hardsigmoid(weights))
            return self.fc(x.mean((2, 3)))

    class Dense(Network):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False))
            self.fc = nn.Linear(2 * CHANNELS, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = functional.relu(self.second(self.stem(x)))
            y = self.relu(self.norm(self.conv(x)))
            x = functional.avg_pool2d(torch.cat([x, self.mix(y)], 1), 2)
            return self.fc(functional.relu(x).mean((2, 3)))

    return {"residual": Residual, "mobile": Mobile, "dense": Dense}


def keras_network(fault: str | None = None) -> keras.Model:
    import keras
    from keras import layers

    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    images = keras.Input((*IMAGE[1:], 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    x = layers.Conv2D(CHANNELS, 3, strides=1 if fault == "stride" else 2, padding="same", name="stem")(x)
    x = layers.BatchNormalization(name="second")(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.Activation("relu")(x))
    if fault == "pad":
        y = layers.ZeroPadding2D(((0, 2), (0, 2)))(x)
        y = layers.Conv2D(CHANNELS, 3, use_bias=False, name="conv")(y)
    else:
        y = layers.Conv2D(CHANNELS, 3, padding="same", use_bias=False, name="conv")(x)
    norm = layers.BatchNormalization(epsilon=1e-2 if fault == "eps" else 1e-3, name="norm")
    y = norm(y)
    if fault == "twice":
        y = norm(y)
    if fault != "relu":
        y = layers.ReLU(name="relu")(y)
    x = layers.Add()([x, layers.Conv2D(CHANNELS, 1, name="mix")(y)])
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(6, activation="softmax", name="fc")(x))
    trained(model, exchanged=fault == "biases")
    return model


def trained(model: keras.Model, *, exchanged: bool = False) -> None:
    """Statistics and biases of usual sizes, the same for every fault."""
    random = np.random.default_rng(5)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name in ("bias", "beta", "moving_mean"):
                variable.assign(random.normal(0, 0.3, variable.shape))
            elif variable.name == "moving_variance":
                variable.assign(random.uniform(0.02, 0.2, variable.shape))
    if exchanged:
        norm, second = model.get_layer("norm").beta, model.get_layer("second").beta
        first, other = norm.numpy(), second.numpy()
        norm.assign(other)
        second.assign(first)
