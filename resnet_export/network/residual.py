"""Residual networks as data: a stem, blocks and a classifier, whoever says what they consist of, become steps.

block      relu(path(x) + shortcut(x))
path       convolutions with a batch norm each, a ReLU between them, and a gate behind the last where there is one
gate       x * sigmoid(fc2(relu(fc1(mean x))))       squeeze and excitation (Hu et al. 2018), per channel
           x * sigmoid(conv(mean x))                 ECA (Wang et al. 2020): a convolution along the channels
shortcut   x; or a 1x1 convolution with its batch norm; or that behind an average pool (He et al. 2019, ResNet-D);
           or x at every other pixel, with channels of zeros at either side (He et al. 2015, option A)
head       fc(mean x); or fastai's: dense(norm(relu(dense(norm(max x, mean x))))), of any number of dense layers
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from resnet_export.network import IMAGE, NORM_ROLES, Network, Step

Shortcut = Literal["identity", "convolution", "pooled", "padded"]
Pool = Literal["max", "none", "convolution"]


@dataclass(frozen=True)
class Convolution:
    """A square convolution, padded symmetrically by half of its kernel, and its batch norm."""

    channels: int
    """That it gives."""
    kernel: int
    stride: int = 1
    groups: int = 1
    bias: bool = False


@dataclass(frozen=True)
class Block:
    """A residual block."""

    name: str
    """Such as `layer1.0`."""
    path: tuple[Convolution, ...]
    shortcut: Shortcut = "identity"
    shortcut_bias: bool = False
    squeezed: int | None = None
    """Channels between the two convolutions of its squeeze and excitation; None where it has none."""
    span: int | None = None
    """Channels that the convolution of its ECA sees; None where it has none."""

    @property
    def channels(self) -> int:
        """That it gives."""
        return self.path[-1].channels

    @property
    def stride(self) -> int:
        """By which it makes height and width smaller."""
        return max(one.stride for one in self.path)


@dataclass(frozen=True)
class Dense:
    """A dense layer of fastai's head, behind a batch norm of its own."""

    norm: str
    """The name of its batch norm."""
    name: str
    features: int
    """That it gives."""
    bias: bool = False


@dataclass(frozen=True)
class Residual:
    """A residual network."""

    image: tuple[int, int, int]
    """(channels, height, width)."""
    stem: tuple[Convolution, ...]
    """One convolution, or the three of a deep stem."""
    pool: Pool
    """What follows the stem."""
    blocks: tuple[Block, ...]
    classes: int | None
    """Length of the logits; None where it ends with the pooled features."""
    eps: float = 1e-5
    """Added to the variance in every batch norm."""
    head: tuple[Dense, ...] = ()
    """The dense layers of fastai's head; empty for one layer behind the average."""

    @property
    def strided(self) -> int:
        """Side of the kernel of the convolutions that have the stride in its blocks; 3 where none has."""
        strided = (one.kernel for block in self.blocks for one in block.path if one.stride > 1)
        return next(strided, 3)

    @property
    def network(self) -> Network:
        """Its steps; they and their parameters have torchvision's names, and timm's where torchvision has none."""
        steps = tuple(_steps(self))
        return Network(self.image, steps, (steps[-1].name,))


def _steps(design: Residual) -> Iterator[Step]:
    """Walks the network from the image to the logits."""
    channels, last = design.image[0], IMAGE
    for step in _stem(design):
        yield step
        last = step.name
    channels = design.stem[-1].channels
    for block in design.blocks:
        for step in _block(block, last, channels, design.eps):
            yield step
            last = step.name
        channels = block.channels
    if design.head:
        yield from _head(design, last, channels)
        return
    yield Step("avgpool", "GlobalAveragePool", (last,))
    yield Step("flatten", "Flatten", ("avgpool",), {"axis": 1})
    if design.classes is not None:
        classifier = {"weight": (design.classes, channels), "bias": (design.classes,)}
        yield Step("fc", "Gemm", ("flatten",), {"transB": 1}, classifier)


def _head(design: Residual, source: str, channels: int) -> Iterator[Step]:
    yield Step("head.0.mp", "GlobalMaxPool", (source,))
    yield Step("head.0.ap", "GlobalAveragePool", (source,))
    yield Step("head.0", "Concat", ("head.0.mp", "head.0.ap"), {"axis": 1})
    yield Step("head.1", "Flatten", ("head.0",), {"axis": 1})
    last, channels = "head.1", 2 * channels
    for dense in design.head:
        if dense is not design.head[0]:
            yield Step(f"{last}.relu", "Relu", (last,))
            last = f"{last}.relu"
        yield _norm(dense.norm, last, channels, design.eps)
        numbers = {"weight": (dense.features, channels)} | ({"bias": (dense.features,)} if dense.bias else {})
        yield Step(dense.name, "Gemm", (dense.norm,), {"transB": 1}, numbers)
        last, channels = dense.name, dense.features


def _stem(design: Residual) -> Iterator[Step]:
    channels, last = design.image[0], IMAGE
    for index, convolution in enumerate(design.stem[:-1]):
        name, norm, relu = (f"conv1.{3 * index + part}" for part in range(3))
        yield from _convolution(convolution, name, norm, last, channels, design.eps)
        yield Step(relu, "Relu", (norm,))
        channels, last = convolution.channels, relu
    name = "conv1" if len(design.stem) == 1 else f"conv1.{3 * len(design.stem) - 3}"
    yield from _convolution(design.stem[-1], name, "bn1", last, channels, design.eps)
    yield Step("relu", "Relu", ("bn1",))
    channels = design.stem[-1].channels
    if design.pool == "max":
        yield Step("maxpool", "MaxPool", ("relu",), {"ceil_mode": 0, **window(3, 2)})
    elif design.pool == "convolution":  # timm's resnetrs
        yield from _convolution(Convolution(channels, 3, 2), "maxpool.0", "maxpool.1", "relu", channels, design.eps)
        yield Step("maxpool.2", "Relu", ("maxpool.1",))


def _block(block: Block, source: str, channels: int, eps: float) -> Iterator[Step]:
    last, taken = source, channels
    for index, convolution in enumerate(block.path, start=1):
        if index > 1:
            last = f"{block.name}.relu{index - 1}"
            yield Step(last, "Relu", (f"{block.name}.bn{index - 1}",))
        names = f"{block.name}.conv{index}", f"{block.name}.bn{index}"
        yield from _convolution(convolution, *names, last, taken, eps)
        last, taken = names[1], convolution.channels
    for step in _gate(block, last):
        yield step
        last = step.name
    shortcut = source
    for step in _shortcut(block, source, channels, eps):
        yield step
        shortcut = step.name
    yield Step(f"{block.name}.add", "Add", (last, shortcut))
    yield Step(f"{block.name}.relu{len(block.path)}", "Relu", (f"{block.name}.add",))


def _shortcut(block: Block, source: str, channels: int, eps: float) -> Iterator[Step]:
    name, stride = f"{block.name}.downsample", block.stride
    if block.shortcut == "convolution":
        projection = Convolution(block.channels, 1, stride, bias=block.shortcut_bias)
        yield from _convolution(projection, f"{name}.0", f"{name}.1", source, channels, eps)
    elif block.shortcut == "pooled":
        if stride > 1:
            window = {"kernel_shape": (2, 2), "strides": (stride,) * 2, "pads": (0,) * 4, "dilations": (1, 1)}
            yield Step(f"{name}.0", "AveragePool", (source,), {"ceil_mode": 1, "count_include_pad": 0, **window})
            source = f"{name}.0"
        projection = Convolution(block.channels, 1, bias=block.shortcut_bias)
        yield from _convolution(projection, f"{name}.1", f"{name}.2", source, channels, eps)
    elif block.shortcut == "padded":
        if stride > 1:
            ends = (2**31 - 1,) * 2
            cut = {"starts": (0, 0), "ends": ends, "axes": (2, 3), "steps": (stride,) * 2}
            yield Step(f"{name}.cut", "Slice", (source,), cut)
            source = f"{name}.cut"
        before = (block.channels - channels) // 2
        pads = (0, before, 0, 0, 0, block.channels - channels - before, 0, 0)
        yield Step(f"{name}.pad", "Pad", (source,), {"mode": "constant", "pads": pads, "value": 0.0})


def _gate(block: Block, source: str) -> Iterator[Step]:
    name, channels = f"{block.name}.se", block.channels
    if block.squeezed is None and block.span is None:
        return
    yield Step(f"{name}.pool", "GlobalAveragePool", (source,))
    if block.squeezed is not None:
        plain = {"group": 1, **window(1, 1)}
        first = {"weight": (block.squeezed, channels, 1, 1), "bias": (block.squeezed,)}
        second = {"weight": (channels, block.squeezed, 1, 1), "bias": (channels,)}
        yield Step(f"{name}.fc1", "Conv", (f"{name}.pool",), plain, first)
        yield Step(f"{name}.relu", "Relu", (f"{name}.fc1",))
        yield Step(f"{name}.fc2", "Conv", (f"{name}.relu",), plain, second)
        yield Step(f"{name}.sigmoid", "Sigmoid", (f"{name}.fc2",))
    elif block.span is not None:
        along = {"kernel_shape": (block.span,), "strides": (1,), "pads": (block.span // 2,) * 2, "dilations": (1,)}
        yield Step(f"{name}.row", "Reshape", (f"{name}.pool",), {"shape": (0, 1, channels)})
        yield Step(f"{name}.conv", "Conv", (f"{name}.row",), {"group": 1, **along}, {"weight": (1, 1, block.span)})
        yield Step(f"{name}.gate", "Sigmoid", (f"{name}.conv",))
        yield Step(f"{name}.sigmoid", "Reshape", (f"{name}.gate",), {"shape": (0, channels, 1, 1)})
    yield Step(name, "Mul", (source, f"{name}.sigmoid"))


def _convolution(
    convolution: Convolution, name: str, norm: str, source: str, channels: int, eps: float
) -> Iterator[Step]:
    given, kernel = convolution.channels, convolution.kernel
    numbers: dict[str, tuple[int, ...]] = {"weight": (given, channels // convolution.groups, kernel, kernel)}
    if convolution.bias:
        numbers["bias"] = (given,)
    attributes = {"group": convolution.groups, **window(kernel, convolution.stride)}
    yield Step(name, "Conv", (source,), attributes, numbers)
    yield _norm(norm, name, given, eps)


def _norm(name: str, source: str, channels: int, eps: float) -> Step:
    roles = dict.fromkeys(NORM_ROLES, (channels,))
    return Step(name, "BatchNormalization", (source,), {"epsilon": eps}, roles)


def window(kernel: int, stride: int) -> dict[str, tuple[int, ...]]:
    """The attributes of a square window that is padded by half of its kernel."""
    return {
        "kernel_shape": (kernel,) * 2,
        "strides": (stride,) * 2,
        "pads": (kernel // 2,) * 4,
        "dilations": (1, 1),
    }
