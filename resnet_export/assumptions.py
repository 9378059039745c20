"""`Assumption`: a fact about a network or its pictures that the source can't show, and was taken for granted."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from resnet_export.terminal import numbers

if TYPE_CHECKING:
    from resnet_export.images import Preprocessing
    from resnet_export.network.residual import Residual


Subject = Literal["network", "pictures"]


@dataclass(frozen=True)
class Assumption:
    """One fact that was taken for granted."""

    about: Subject
    name: str
    """Such as `eps`, `activation` or `image size`."""
    value: str
    """What was assumed, in words."""
    option: str | None = None
    """The option that changes it; None where the file can't have it otherwise."""

    def __str__(self) -> str:
        """`eps 1e-05 (--eps)`; of pictures the name alone, since the report has the values."""
        shown = self.value if self.about == "network" else self.name
        return shown if self.option is None else f"{shown} ({self.option})"


def about_network(design: Residual, given: Container[str], twins: Sequence[str] = ()) -> tuple[Assumption, ...]:
    """What no tensor shows of a residual network.

    Args:
        design: the network.
        given: names of its fields that were asked for, or are known otherwise.
        twins: the networks of timm that have the same tensors, and blur where this one skips.
    """
    bottleneck, strided = len(design.blocks[0].path) == 3, design.strided
    behind = {"max": ", then a max pool", "none": ", no max pool", "convolution": ""}[design.pool]
    stem = f"conv1 with stride {design.stem[0].stride}{behind}"
    eps = Assumption("network", "eps", f"eps {design.eps:g}", "--eps")
    place = f"strides on the {strided}x{strided} convolutions"
    stride = Assumption("network", "stride", place)
    if bottleneck:
        other, own, others = (1, "v1.5", "v1") if strided == 3 else (3, "v1", "v1.5")
        stride = Assumption("network", "stride", f"{place} as in {own}", f"{others}: --stride-on {other}x{other}")
    blur = " or ".join(f"--model timm:{name}" for name in twins)
    pooling = "global average pooling"
    if design.head:
        pooling = "global max pooling beside the average, ReLU between the dense layers"
    return (
        *(() if "eps" in given else (eps,)),
        Assumption("network", "activation", "ReLU"),
        Assumption("network", "stem", stem),
        *(() if "stride_on" in given else (stride,)),
        *((Assumption("network", "anti-aliasing", "no anti-aliasing", blur),) if twins else ()),
        Assumption("network", "padding", "symmetric padding"),
        Assumption("network", "dilation", "no dilation"),
        Assumption("network", "pooling", pooling),
        Assumption("network", "surroundings", "nothing before conv1 or behind fc"),
    )


def about_image_size(size: int) -> Assumption:
    """That the pictures are as large as such a network's usual ones."""
    return Assumption("pictures", "image size", f"{size} x {size} pixels", "--image-size")


def settled(given: Iterable[str]) -> set[str]:
    """The fields of the preprocessing that are known where these are given: with the resize, the aspect is, too."""
    known = set(given)
    return known | {"aspect"} if "resize" in known else known


def about_pictures(preprocessing: Preprocessing, given: set[str]) -> tuple[Assumption, ...]:
    """What was taken for granted of the preparation of pictures.

    Args:
        preprocessing: that goes into the file.
        given: names of its fields that are known.
    """
    found = (
        Assumption("pictures", "resize", f"the shorter side to {preprocessing.resize} pixels", "--resize"),
        Assumption("pictures", "interpolation", preprocessing.interpolation, "--interpolation"),
        Assumption("pictures", "aspect", f"the aspect ratio is {preprocessing.aspect}", "--aspect"),
        Assumption("pictures", "mean", numbers(preprocessing.mean), "--mean"),
        Assumption("pictures", "std", numbers(preprocessing.std), "--std"),
        *([Assumption("pictures", "bgr", "blue, green and red in this order")] if preprocessing.bgr else []),
    )
    known = settled(given)
    return tuple(one for one in found if one.name not in known)
