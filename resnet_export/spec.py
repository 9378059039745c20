"""The architecture as data: what a ResNet of each depth consists of, without any framework.

He et al., "Deep Residual Learning for Image Recognition" (2015), table 1, as torchvision builds it:
the stride of a bottleneck stands on its 3x3 convolution unless told otherwise, and parameters have torchvision's names,
shapes and order. With groups it is a ResNeXt (Xie et al. 2017), with a larger base width a wide ResNet (Zagoruyko and
Komodakis 2016).

    inner channels of a bottleneck in stage k = floor(width * 2^k * base_width / 64) * groups
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from resnet_export.errors import SpecificationError
from resnet_export.network import Network
from resnet_export.network.residual import Block, Convolution, Residual

Stem = Literal["imagenet", "cifar"]
STEMS: tuple[Stem, ...] = ("imagenet", "cifar")
StrideOn = Literal["3x3", "1x1"]
STRIDE_POSITIONS: tuple[StrideOn, ...] = ("3x3", "1x1")
BASE_WIDTH = 64
"""The base width at which a bottleneck's inner channels are those of the paper."""


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
    """Channels after the stem; stage k has width * 2^k inner channels, before `base_width` and `groups`."""
    stem: Stem = "imagenet"
    """`imagenet`: 7x7 convolution with stride 2 and a max pool; `cifar`: 3x3 with stride 1, no pool."""
    eps: float = field(default=1e-5)
    """Added to the variance in every batch norm."""
    groups: int = 1
    """Groups of the 3x3 convolution of a bottleneck: 32 in ResNeXt-50 32x4d."""
    base_width: int = BASE_WIDTH
    """Inner channels of a group at 64 stem channels: 4 in ResNeXt-50 32x4d, 128 in wide ResNet-50-2."""
    stride_on: StrideOn = "3x3"
    """The convolution of a bottleneck that has the stride: the 3x3, or the first 1x1 as in the paper."""

    def __post_init__(self) -> None:
        if self.depth not in VARIANTS:
            raise SpecificationError(
                f"There is no ResNet of depth {self.depth!r}.",
                hint=f"Choose one of {', '.join(map(str, VARIANTS))}.",
            )
        if self.stem not in STEMS:
            raise SpecificationError(f"There is no stem {self.stem!r}.", hint=f"Choose one of {', '.join(STEMS)}.")
        for name in ("num_classes", "in_channels", "image_size", "width", "groups", "base_width"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecificationError(f"{name} is {value!r}.", hint=f"Give {name} as a whole number from 1.")
        if not 0 < self.eps < math.inf:
            raise SpecificationError(f"eps is {self.eps!r}.", hint="Give eps as a positive number; ResNets use 1e-5.")
        if self.stride_on not in STRIDE_POSITIONS:
            raise SpecificationError(
                f"stride_on is {self.stride_on!r}.", hint=f"Choose one of {', '.join(STRIDE_POSITIONS)}."
            )
        if not self.variant.bottleneck and (self.groups, self.base_width, self.stride_on) != (1, BASE_WIDTH, "3x3"):
            raise SpecificationError(
                f"{self.title} has no bottlenecks: groups, base_width and stride_on are theirs.",
                hint="Choose depth 50, 101 or 152, or leave them out.",
            )
        if self.inner_channels(0) < 1:
            raise SpecificationError(
                f"A base width of {self.base_width} leaves no channel at width {self.width}.",
                hint=f"Give base_width as at least {-(-BASE_WIDTH // self.width)}.",
            )

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what is cached, a `MappingProxyType` among it, can be neither pickled nor deep-copied."""
        return self.as_dict()

    @property
    def title(self) -> str:
        """`ResNet-18`."""
        return f"ResNet-{self.depth}"

    @property
    def variant(self) -> Variant:
        """Kind and number of the blocks."""
        return VARIANTS[self.depth]

    def strides(self, stride: int) -> tuple[int, int]:
        """Those of a bottleneck's first 1x1 and of its 3x3 convolution, where the block has this stride."""
        return (1, stride) if self.stride_on == "3x3" else (stride, 1)

    def inner_channels(self, stage: int) -> int:
        """Channels of the 3x3 convolutions of a stage; stages are counted from 0."""
        return (self.width << stage) * self.base_width // BASE_WIDTH * self.groups

    def outer_channels(self, stage: int) -> int:
        """Channels that the blocks of a stage give."""
        return (self.width << stage) * self.variant.expansion

    @property
    def features(self) -> int:
        """Length of the embedding: channels of the last stage."""
        return self.outer_channels(len(self.variant.blocks) - 1)

    @property
    def design(self) -> Residual:
        """What its blocks consist of."""
        imagenet = self.stem == "imagenet"
        stem = Convolution(self.width, 7, 2) if imagenet else Convolution(self.width, 3)
        image = (self.in_channels, self.image_size, self.image_size)
        return Residual(image, (stem,), "max" if imagenet else "none", tuple(_blocks(self)), self.num_classes, self.eps)

    @cached_property
    def network(self) -> Network:
        """From the image to the logits, with batch norms as steps of their own. Names are torchvision's."""
        return self.design.network

    @cached_property
    def canonical(self) -> Network:
        """The network of the file, its batch norms folded; 49 steps at depth 18."""
        from resnet_export.network.folding import fold  # which needs NumPy

        return fold(self.network)

    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> shape of every tensor in torchvision's state_dict, in its order, less `num_batches_tracked`.

        Convolutions are (out, in, kernel, kernel), the classifier (classes, features), the rest (channels,).
        """
        return self.network.parameters

    @property
    def trainable_parameters(self) -> int:
        """Number of trainable scalars: all but the running statistics. 11,689,512 for ResNet-18."""
        return self.network.trainable_parameters

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image: 1,814,073,344 for ResNet-18 at 224 x 224."""
        return self.network.multiply_adds

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data, for JSON."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def base_width_of(inner: int, groups: int, width: int) -> int:
    """The base width that gives a first stage so many inner channels: see the formula above.

    Args:
        inner: channels of the 3x3 convolutions in the first stage.
        groups: of these.
        width: channels after the stem.
    """
    return -(-inner // groups * BASE_WIDTH // width)


def _blocks(spec: ResNetSpec) -> Iterator[Block]:
    channels = spec.width
    for stage, count in enumerate(spec.variant.blocks):
        inner, outer = spec.inner_channels(stage), spec.outer_channels(stage)
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            path: tuple[Convolution, ...] = (Convolution(inner, 3, stride), Convolution(outer, 3))
            if spec.variant.bottleneck:
                first, second = spec.strides(stride)
                path = (
                    Convolution(inner, 1, first),
                    Convolution(inner, 3, second, spec.groups),
                    Convolution(outer, 1),
                )
            fits = stride == 1 and channels == outer
            yield Block(f"layer{stage + 1}.{index}", path, "identity" if fits else "convolution")
            channels = outer
