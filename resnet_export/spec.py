"""The architecture as data: what a ResNet of each depth consists of, without any framework.

He et al., "Deep Residual Learning for Image Recognition" (2015), table 1, as torchvision builds it:
the stride of a bottleneck stands on its 3x3 convolution, and parameters have torchvision's names,
shapes and order.

Formulas:
    output size     = floor((input - kernel + 2 * padding) / stride) + 1
    multiply-adds   = output size^2 * out channels * in channels * kernel^2    per convolution
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from resnet_export.errors import SpecificationError

Stem = Literal["imagenet", "cifar"]
STEMS: tuple[Stem, ...] = ("imagenet", "cifar")


class Variant(NamedTuple):
    """What the depth stands for."""

    bottleneck: bool
    """1x1, 3x3, 1x1 convolutions (True), or two 3x3 ones (False)."""
    blocks: tuple[int, int, int, int]
    """Residual blocks in each of the four stages."""

    @property
    def expansion(self) -> int:
        """Output channels of a block over its inner channels."""
        return 4 if self.bottleneck else 1


VARIANTS: Mapping[int, Variant] = MappingProxyType(
    {
        18: Variant(False, (2, 2, 2, 2)),
        34: Variant(False, (3, 4, 6, 3)),
        50: Variant(True, (3, 4, 6, 3)),
        101: Variant(True, (3, 4, 23, 3)),
        152: Variant(True, (3, 8, 36, 3)),
    }
)

IMAGE_SIZES: Mapping[Stem, int] = MappingProxyType({"imagenet": 224, "cifar": 32})
"""The usual image size of each stem, in pixels."""


@dataclass(frozen=True)
class Step:
    """One node of the canonical graph. Its output value has its name."""

    name: str
    """After the module it stands for: `layer1.0.conv1`."""
    op: str
    """The ONNX operator."""
    inputs: tuple[str, ...]
    """Names of the values it takes, in order; the image is `input`."""
    channels: int
    """Channels (features) of its output."""
    size: int
    """Height and width of its output, at the image size of the specification; 1 after the pooling."""
    in_channels: int = 0
    """Channels (features) of its first input; set where it has weights."""
    kernel: int = 0
    """Height and width of the window; 0 where there is none."""
    stride: int = 1
    padding: int = 0
    """Rows and columns added on each of the four sides."""
    norm: str | None = None
    """The batch norm that follows the convolution and is folded into it."""

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image; 0 for a step without weights."""
        return self.size**2 * self.channels * self.in_channels * max(self.kernel, 1) ** 2


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Height (or width) after a convolution or pooling: floor((size - kernel + 2 padding) / stride) + 1."""
    return (size - kernel + 2 * padding) // stride + 1


@dataclass(frozen=True)
class ResNetSpec:
    """Which ResNet: everything that determines the network but its weights.

    Raises:
        SpecificationError: a value is outside its range.
    """

    depth: int = 18
    """18, 34, 50, 101 or 152."""
    num_classes: int = 1000
    """Length of the logits."""
    in_channels: int = 3
    """Channels of the image."""
    image_size: int = 224
    """Height and width of the image in pixels."""
    width: int = 64
    """Channels after the stem; stage k has width * 2^k inner channels."""
    stem: Stem = "imagenet"
    """`imagenet`: 7x7 convolution with stride 2 and a max pool; `cifar`: 3x3 with stride 1, no pool."""
    eps: float = field(default=1e-5)
    """Added to the variance in every batch norm."""

    def __post_init__(self) -> None:
        if self.depth not in VARIANTS:
            raise SpecificationError(
                f"There is no ResNet of depth {self.depth!r}.",
                hint=f"Choose one of {', '.join(map(str, VARIANTS))}.",
            )
        if self.stem not in STEMS:
            raise SpecificationError(f"There is no stem {self.stem!r}.", hint=f"Choose one of {', '.join(STEMS)}.")
        for name in ("num_classes", "in_channels", "image_size", "width"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecificationError(f"{name} is {value!r}.", hint=f"Give {name} as a whole number from 1.")
        if not 0 < self.eps < math.inf:
            raise SpecificationError(f"eps is {self.eps!r}.", hint="Give eps as a positive number; ResNets use 1e-5.")

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what is cached, a `MappingProxyType` among it, can be neither pickled nor deep-copied."""
        return self.as_dict()

    @property
    def variant(self) -> Variant:
        """Kind and number of the blocks."""
        return VARIANTS[self.depth]

    @property
    def features(self) -> int:
        """Length of the embedding: channels of the last stage."""
        return self.width * 8 * self.variant.expansion

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The canonical graph from the image to the logits, in topological order; 49 steps at depth 18."""
        return tuple(_steps(self))

    @cached_property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> shape of every tensor in torchvision's state_dict, in its order, less `num_batches_tracked`.

        Convolutions are (out, in, kernel, kernel), the classifier (classes, features), the rest (channels,).
        """
        shapes: dict[str, tuple[int, ...]] = {}
        for step in self.steps:
            if step.op == "Conv":
                shapes[f"{step.name}.weight"] = (step.channels, step.in_channels, step.kernel, step.kernel)
                for part in ("weight", "bias", "running_mean", "running_var"):
                    shapes[f"{step.norm}.{part}"] = (step.channels,)
            elif step.op == "Gemm":
                shapes[f"{step.name}.weight"] = (step.channels, step.in_channels)
                shapes[f"{step.name}.bias"] = (step.channels,)
        return MappingProxyType(shapes)

    @property
    def trainable_parameters(self) -> int:
        """Number of trainable scalars: all but the running statistics. 11,689,512 for ResNet-18."""
        return sum(math.prod(shape) for name, shape in self.parameters.items() if ".running_" not in name)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image: 1,814,073,344 for ResNet-18 at 224 x 224."""
        return sum(step.multiply_adds for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data, for JSON."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def _steps(spec: ResNetSpec) -> Iterator[Step]:
    """Walks the network from the image to the logits."""
    if spec.stem == "imagenet":
        stem = _conv("conv1", "bn1", "input", spec.in_channels, spec.width, spec.image_size, 7, 2)
        relu = _after("relu", "Relu", stem)
        pooled = output_size(stem.size, 3, 2, 1)
        last = Step("maxpool", "MaxPool", (relu.name,), spec.width, pooled, kernel=3, stride=2, padding=1)
        yield from (stem, relu, last)
    else:
        stem = _conv("conv1", "bn1", "input", spec.in_channels, spec.width, spec.image_size, 3, 1)
        last = _after("relu", "Relu", stem)
        yield from (stem, last)

    for stage, blocks in enumerate(spec.variant.blocks):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            for step in _block(spec, f"layer{stage + 1}.{block}", last, spec.width << stage, stride):
                yield step
                last = step

    yield Step("avgpool", "GlobalAveragePool", (last.name,), spec.features, 1)
    yield Step("flatten", "Flatten", ("avgpool",), spec.features, 1)
    yield Step("fc", "Gemm", ("flatten",), spec.num_classes, 1, in_channels=spec.features)


def _block(spec: ResNetSpec, prefix: str, source: Step, inner: int, stride: int) -> Iterator[Step]:
    """One residual block: relu(convolutions(x) + shortcut(x))."""
    outer = inner * spec.variant.expansion
    # (output channels, kernel, stride) of each convolution on the main path
    path = ((inner, 1, 1), (inner, 3, stride), (outer, 1, 1)) if spec.variant.bottleneck else (
        (inner, 3, stride),
        (outer, 3, 1),
    )  # fmt: skip
    last = source
    for index, (channels, kernel, conv_stride) in enumerate(path, start=1):
        if index > 1:
            yield (last := _after(f"{prefix}.relu{index - 1}", "Relu", last))
        last = _conv(
            f"{prefix}.conv{index}", f"{prefix}.bn{index}", last.name, last.channels, channels, last.size, kernel,
            conv_stride,
        )  # fmt: skip
        yield last
    shortcut = source
    if stride != 1 or source.channels != outer:
        shortcut = _conv(
            f"{prefix}.downsample.0", f"{prefix}.downsample.1", source.name, source.channels, outer, source.size, 1,
            stride,
        )  # fmt: skip
        yield shortcut
    add = Step(f"{prefix}.add", "Add", (last.name, shortcut.name), outer, last.size)
    yield add
    yield _after(f"{prefix}.relu{len(path)}", "Relu", add)


def _conv(
    name: str, norm: str, source: str, in_channels: int, channels: int, size: int, kernel: int, stride: int
) -> Step:
    padding = kernel // 2
    size = output_size(size, kernel, stride, padding)
    return Step(name, "Conv", (source,), channels, size, in_channels, kernel, stride, padding, norm)


def _after(name: str, op: str, source: Step) -> Step:
    """An element-wise step: the shape of its output is that of its input."""
    return Step(name, op, (source.name,), source.channels, source.size)
