"""Residual networks as data: a stem, blocks and a classifier, whoever says what they consist of, become steps.

block      relu(path(x) + shortcut(x))
path       convolutions with a batch norm each, a ReLU between them, and a gate behind the last where there is one
gate       x * sigmoid(fc2(relu(fc1(mean x))))       squeeze and excitation (Hu et al. 2018), per channel
           x * sigmoid(conv(mean x))                 ECA (Wang et al. 2020): a convolution along the channels
shortcut   x; or a 1x1 convolution with its batch norm; or that behind an average pool (He et al. 2019, ResNet-D);
           or x at every other pixel, with channels of zeros at either side (He et al. 2015, option A)
head       fc(mean x); or fastai's: dense(norm(relu(dense(norm(max x, mean x))))), of any number of dense layers
"""

from dataclasses import dataclass
from typing import Any, Literal

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
        steps = _Steps(self.image[0], self.eps)
        last = _stem(steps, self)
        for block in self.blocks:
            last = _block(steps, block, last)
        if self.head:
            _head(steps, self.head, last)
        else:
            last = steps.add("flatten", "Flatten", steps.add("avgpool", "GlobalAveragePool", last), axis=1)
            if self.classes is not None:
                steps.dense("fc", last, self.classes, bias=True)
        return Network(self.image, tuple(steps.found), (steps.found[-1].name,))


class _Steps:
    """Steps as they are added, each of which gives its name. Most give as many channels as their first input has."""

    def __init__(self, channels: int, eps: float) -> None:
        self.found: list[Step] = []
        self.channels = {IMAGE: channels}
        self._eps = eps

    def add(self, name: str, op: str, *inputs: str, parameters: Any = None, **attributes: Any) -> str:
        self.found.append(Step(name, op, inputs, attributes, parameters or {}))
        self.channels[name] = self.channels[inputs[0]]
        return name

    def convolution(self, given: Convolution, name: str, norm: str, source: str) -> str:
        """With its batch norm."""
        shape = (given.channels, self.channels[source] // given.groups, given.kernel, given.kernel)
        numbers = {"weight": shape} | ({"bias": shape[:1]} if given.bias else {})
        attributes = {"group": given.groups, **window(given.kernel, given.stride)}
        self.add(name, "Conv", source, parameters=numbers, **attributes)
        self.channels[name] = given.channels
        return self.norm(norm, name)

    def norm(self, name: str, source: str) -> str:
        roles = dict.fromkeys(NORM_ROLES, (self.channels[source],))
        return self.add(name, "BatchNormalization", source, parameters=roles, epsilon=self._eps)

    def dense(self, name: str, source: str, features: int, *, bias: bool) -> str:
        numbers: dict[str, tuple[int, ...]] = {"weight": (features, self.channels[source])}
        self.add(name, "Gemm", source, parameters=numbers | ({"bias": (features,)} if bias else {}), transB=1)
        self.channels[name] = features
        return name


def _stem(steps: _Steps, design: Residual) -> str:
    last = IMAGE
    for index, convolution in enumerate(design.stem[:-1]):
        name, norm, relu = (f"conv1.{3 * index + part}" for part in range(3))
        last = steps.add(relu, "Relu", steps.convolution(convolution, name, norm, last))
    name = "conv1" if len(design.stem) == 1 else f"conv1.{3 * len(design.stem) - 3}"
    last = steps.add("relu", "Relu", steps.convolution(design.stem[-1], name, "bn1", last))
    if design.pool == "max":
        last = steps.add("maxpool", "MaxPool", last, ceil_mode=0, **window(3, 2))
    elif design.pool == "convolution":  # timm's resnetrs
        halved = Convolution(steps.channels[last], 3, 2)
        last = steps.add("maxpool.2", "Relu", steps.convolution(halved, "maxpool.0", "maxpool.1", last))
    return last


def _block(steps: _Steps, block: Block, source: str) -> str:
    name, last = block.name, source
    for index, convolution in enumerate(block.path, start=1):
        if index > 1:
            last = steps.add(f"{name}.relu{index - 1}", "Relu", last)
        last = steps.convolution(convolution, f"{name}.conv{index}", f"{name}.bn{index}", last)
    last = _gate(steps, block, last)
    added = steps.add(f"{name}.add", "Add", last, _shortcut(steps, block, source))
    return steps.add(f"{name}.relu{len(block.path)}", "Relu", added)


def _shortcut(steps: _Steps, block: Block, source: str) -> str:
    name, stride = f"{block.name}.downsample", block.stride
    if block.shortcut == "convolution":
        projection = Convolution(block.channels, 1, stride, bias=block.shortcut_bias)
        return steps.convolution(projection, f"{name}.0", f"{name}.1", source)
    if block.shortcut == "pooled":
        if stride > 1:
            cut = {"kernel_shape": (2, 2), "strides": (stride,) * 2, "pads": (0,) * 4, "dilations": (1, 1)}
            source = steps.add(f"{name}.0", "AveragePool", source, ceil_mode=1, count_include_pad=0, **cut)
        projection = Convolution(block.channels, 1, bias=block.shortcut_bias)
        return steps.convolution(projection, f"{name}.1", f"{name}.2", source)
    if block.shortcut == "padded":
        if stride > 1:
            ends = (2**31 - 1,) * 2
            cut = {"starts": (0, 0), "ends": ends, "axes": (2, 3), "steps": (stride,) * 2}
            source = steps.add(f"{name}.cut", "Slice", source, **cut)
        more = block.channels - steps.channels[source]
        pads = (0, more // 2, 0, 0, 0, more - more // 2, 0, 0)
        return steps.add(f"{name}.pad", "Pad", source, mode="constant", pads=pads, value=0.0)
    return source


def _gate(steps: _Steps, block: Block, source: str) -> str:
    name, channels = f"{block.name}.se", block.channels
    if block.squeezed is None and block.span is None:
        return source
    last = steps.add(f"{name}.pool", "GlobalAveragePool", source)
    if block.squeezed is not None:
        plain = {"group": 1, **window(1, 1)}
        first = {"weight": (block.squeezed, channels, 1, 1), "bias": (block.squeezed,)}
        second = {"weight": (channels, block.squeezed, 1, 1), "bias": (channels,)}
        last = steps.add(f"{name}.fc1", "Conv", last, parameters=first, **plain)
        last = steps.add(f"{name}.relu", "Relu", last)
        last = steps.add(f"{name}.fc2", "Conv", last, parameters=second, **plain)
        last = steps.add(f"{name}.sigmoid", "Sigmoid", last)
    elif block.span is not None:
        along = {"kernel_shape": (block.span,), "strides": (1,), "pads": (block.span // 2,) * 2, "dilations": (1,)}
        last = steps.add(f"{name}.row", "Reshape", last, shape=(0, 1, channels))
        last = steps.add(f"{name}.conv", "Conv", last, parameters={"weight": (1, 1, block.span)}, group=1, **along)
        last = steps.add(f"{name}.gate", "Sigmoid", last)
        last = steps.add(f"{name}.sigmoid", "Reshape", last, shape=(0, channels, 1, 1))
    return steps.add(name, "Mul", source, last)


def _head(steps: _Steps, layers: tuple[Dense, ...], source: str) -> None:
    pools = [steps.add(f"head.0.{name}", f"Global{op}Pool", source) for name, op in (("mp", "Max"), ("ap", "Average"))]
    last = steps.add("head.1", "Flatten", steps.add("head.0", "Concat", *pools, axis=1), axis=1)
    steps.channels[last] *= 2
    for dense in layers:
        if dense is not layers[0]:
            last = steps.add(f"{last}.relu", "Relu", last)
        last = steps.dense(dense.name, steps.norm(dense.norm, last), dense.features, bias=dense.bias)


def window(kernel: int, stride: int) -> dict[str, tuple[int, ...]]:
    """The attributes of a square window that is padded by half of its kernel."""
    return {
        "kernel_shape": (kernel,) * 2,
        "strides": (stride,) * 2,
        "pads": (kernel // 2,) * 4,
        "dilations": (1, 1),
    }
