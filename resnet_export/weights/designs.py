"""Which residual network a set of tensors is of, by their names and shapes alone: variants that no specification has.

The names are torchvision's and timm's. What no tensor shows is given: eps, and where the stride of a bottleneck stands.
"""

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping

from resnet_export.assumptions import Assumption, about_image_size, about_network
from resnet_export.errors import quote_some
from resnet_export.network.residual import Block, Convolution, Dense, Pool, Residual, Shortcut
from resnet_export.spec import IMAGE_SIZES, VARIANTS, StrideOn, Variant

Shapes = Mapping[str, tuple[int, ...]]
LARGE_KERNEL = 7
"""Of the stem of networks for large images, which has a stride and a pool behind it."""
ANTI_ALIASED: Mapping[tuple[str, tuple[int, ...]], tuple[str, ...]] = {
    ("ResNet-18", (64,)): ("resnetblur18",),
    ("ResNet-50", (64,)): ("resnetaa50", "resnetblur50"),
    ("ResNet-34-D with a deep stem", (32, 32, 64)): ("resnetaa34d",),
    ("ResNet-50-D with a deep stem", (32, 32, 64)): ("resnetaa50d", "resnetblur50d"),
    ("ResNet-101-D with a deep stem", (32, 32, 64)): ("resnetaa101d", "resnetblur101d"),
    ("SE-ResNet-50-D with a deep stem", (32, 32, 64)): ("seresnetaa50d",),
    ("SE-ResNeXt-101 32x8d-D with a deep stem", (32, 32, 64)): ("seresnextaa101d_32x8d",),
    ("SE-ResNeXt-203 32x8d-D with a deep stem of 3, 24, 36, 4 blocks", (64, 64, 128)): ("seresnextaa201d_32x8d",),
}
"""(title, channels of the stem) -> the networks of timm that have the same tensors, and blur before they skip."""


def design_of(
    shapes: Shapes, *, eps: float = 1e-5, stride_on: StrideOn = "3x3", image_size: int | None = None
) -> Residual | None:
    """The network that the tensors suggest; None where they have no stem or no blocks as a ResNet has.

    Shapes of convolutions are (out, in / groups, height, width). No tensor shows the other facts; without an image
    size, it is the usual one.
    """
    stem = tuple(_stem(shapes))
    blocks = tuple(_blocks(shapes, stride_on, stem[-1].channels)) if stem else ()
    if not blocks:
        return None
    large = len(stem) > 1 or stem[0].kernel == LARGE_KERNEL
    pool: Pool = "convolution" if "maxpool.0.weight" in shapes else "max" if large else "none"
    size = image_size or IMAGE_SIZES["imagenet" if large else "cifar"]
    first = shapes["conv1.weight" if len(stem) == 1 else "conv1.0.weight"]
    classifier = shapes.get("fc.weight")
    head = _head(shapes, 2 * blocks[-1].channels)
    classes = head[-1].features if head else classifier[0] if classifier else None
    return Residual((first[1], size, size), stem, pool, blocks, classes, eps, head)


def faults_of(expected: Shapes, shapes: Shapes, verb: str = "") -> list[str]:
    """What is missing, surplus and misshapen of a network's tensors, as parts of a sentence; nothing where they fit.

    `verb` stands before each adjective: `are `.
    """
    missing = [name for name in expected if name not in shapes]
    misshapen = [f"{name}: {shapes[name]}, expected {shape}" for name, shape in expected.items()
                 if shapes.get(name, shape) != shape]  # fmt: skip
    groups = {"missing": missing, "surplus": [name for name in shapes if name not in expected], "misshapen": misshapen}
    faults = [f"{len(some)} {verb}{kind} ({quote_some(some)})" for kind, some in groups.items() if some]
    if missing and missing == [name for name in expected if ".running_" in name]:
        faults.append("its norms have no running statistics, as group norms have none")
    return faults


def twins_of(design: Residual) -> tuple[str, ...]:
    """The networks of timm that have the same tensors as a network, and are anti-aliased."""
    stem = tuple(one.channels for one in design.stem)
    return ANTI_ALIASED.get((title_of(design), stem), ()) if design.pool == "max" and not design.head else ()


def assumptions_of(design: Residual, known: Container[str], family: str | None) -> tuple[Assumption, ...]:
    """What no tensor shows of a network, but for the facts that are known: asked for, or shown otherwise.

    `family` says whose names the tensors have, where these are not torchvision's or timm's.
    """
    size = () if "image_size" in known else (about_image_size(design.image[1]),)
    return about_network(design, known, twins_of(design) if family is None else ()) + size


def title_of(design: Residual) -> str:
    """`SE-ResNeXt-50 32x4d with a deep stem`."""
    path = design.blocks[0].path
    layers = 2 + sum(len(block.path) for block in design.blocks)
    groups = max(one.groups for one in path)
    base = f"ResNeXt-{layers} {groups}x{path[-2].channels // groups}d" if groups > 1 else f"ResNet-{layers}"
    counts = tuple(Counter(block.name.partition(".")[0] for block in design.blocks).values())
    wide = groups == 1 and len(path) == 3 and path[1].channels != path[2].channels // 4
    known = Variant(len(path) == 3, counts) in VARIANTS.values() if len(counts) == 4 else False
    parts = [
        "wide " if wide else "",
        "SE-" if any(block.squeezed for block in design.blocks) else "",
        "ECA-" if any(block.span for block in design.blocks) else "",
        base,
        "-D" if any(block.shortcut == "pooled" for block in design.blocks) else "",
        " with a deep stem" if len(design.stem) > 1 else "",
        "" if known else f" of {', '.join(map(str, counts))} blocks",
        ", fastai's head" if design.head else "",
    ]
    return "".join(parts)


def _stem(shapes: Shapes) -> Iterator[Convolution]:
    single = shapes.get("conv1.weight", ())
    if len(single) == 4:
        yield Convolution(single[0], single[2], 2 if single[2] == LARGE_KERNEL else 1, bias="conv1.bias" in shapes)
        return
    names = [name for index in (0, 3, 6) if len(shapes.get(name := f"conv1.{index}.weight", ())) == 4]
    for position, name in enumerate(names):
        out, _, kernel, _ = shapes[name]
        yield Convolution(out, kernel, 2 if position == 0 else 1, bias=name.replace("weight", "bias") in shapes)


def _blocks(shapes: Shapes, stride_on: StrideOn, channels: int) -> Iterator[Block]:
    """Every block that has a convolution, in order."""
    places = {(int(match[1]), int(match[2])) for name in shapes if (match := re.match(r"layer(\d+)\.(\d+)\.", name))}
    for stage, index in sorted(places):
        name = f"layer{stage}.{index}"
        path = tuple(_path(name, shapes, channels, stride_on, strided=stage > 1 and index == 0))
        if not path:
            return
        first, last = shapes.get(f"{name}.se.fc1.weight", ()), shapes.get(f"{name}.se.conv.weight", ())
        shortcut = _shortcut(name, shapes, channels, path)
        bias = f"{name}.downsample.{1 if shortcut == 'pooled' else 0}.bias"
        yield Block(
            name,
            path,
            shortcut,
            shortcut_bias=shortcut != "identity" and bias in shapes,
            squeezed=first[0] if first else None,
            span=last[-1] if last else None,
        )
        channels = path[-1].channels


def _path(name: str, shapes: Shapes, channels: int, stride_on: StrideOn, *, strided: bool) -> Iterator[Convolution]:
    found = [shapes[key] for index in (1, 2, 3) if len(shapes.get(key := f"{name}.conv{index}.weight", ())) == 4]
    bottleneck = len(found) == 3
    position = 1 if bottleneck and stride_on == "3x3" else 0
    for index, (out, taken, kernel, _) in enumerate(found):
        groups = max(channels // max(taken, 1), 1)
        stride = 2 if strided and index == position else 1
        yield Convolution(out, kernel, stride, groups, bias=f"{name}.conv{index + 1}.bias" in shapes)
        channels = out


def _shortcut(name: str, shapes: Shapes, channels: int, path: tuple[Convolution, ...]) -> Shortcut:
    if len(shapes.get(f"{name}.downsample.0.weight", ())) == 4:
        return "convolution"
    if len(shapes.get(f"{name}.downsample.1.weight", ())) == 4:
        return "pooled"
    same = channels == path[-1].channels and all(one.stride == 1 for one in path)
    return "identity" if same else "padded"


def _head(shapes: Shapes, features: int) -> tuple[Dense, ...]:
    """The dense layers of fastai's head; nothing where there are others, or in another order.

    The position of a layer shows what stands between: a dropout at most, or a ReLU before the next batch norm.
    """
    found: list[Dense] = []
    names = (re.fullmatch(r"head\.(\d+)\.weight", name) for name in shapes)
    last, norm = 0, None
    for place in sorted(int(match[1]) for match in names if match):
        shape = shapes[f"head.{place}.weight"]
        if norm is None and shape == (features,) and place == last + 2:
            norm = f"head.{place}"
        elif norm is not None and len(shape) == 2 and place <= last + 2:
            found.append(Dense(norm, f"head.{place}", features := shape[0], bias=f"head.{place}.bias" in shapes))
            norm = None
        else:
            return ()
        last = place
    return tuple(found) if norm is None else ()
