"""Which ResNet a set of tensors is: read from their names and shapes, and held against what was asked for."""

import re
from collections.abc import Mapping
from typing import Any

from resnet_export.errors import CheckpointError
from resnet_export.spec import IMAGE_SIZES, VARIANTS, ResNetSpec, base_width_of
from resnet_export.terminal import number
from resnet_export.weights.description import Finding
from resnet_export.weights.designs import faults_of
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.families import other_network
from resnet_export.weights.naming.torch import COUNTER

MODEL_ITSELF = (
    "A checkpoint of another network needs the model itself: --model module:callable --weights FILE, --model timm:NAME "
    "--weights FILE, or export(model, 'file.onnx') with the live nn.Module or keras.Model."
)
STEM_OF_KERNEL = {7: "imagenet", 3: "cifar"}


def infer_spec(
    tensors: Tensors,
    *,
    origin: str,
    shown: Mapping[str, Finding] | None = None,
    **asked: Any,
) -> ResNetSpec:
    """The specification of the network that `tensors` belong to; its other tensors are not checked here.

    Args:
        tensors: canonical name -> array; convolutions (out, in, height, width), classifier (classes, features).
        origin: what error messages call the tensors, such as a file's name.
        shown: what else shows a field, such as a configuration beside the tensors.
        asked: fields of `ResNetSpec` that the caller insists on; None means not asked. The image size is the
            usual one of the stem and eps the usual one, where they are neither asked nor shown: no tensor shows them.

    Raises:
        CheckpointError: the tensors are no ResNet's, or contradict what was asked.
        SpecificationError: what was asked is outside its range.
    """
    asked = {name: value for name, value in asked.items() if value is not None}
    found = _findings(tensors, origin) | dict(shown or {})
    depth = {"depth": found["depth"].value} if "depth" in found else {}
    ResNetSpec(**depth | asked)  # what was asked is in its range, whatever the tensors are
    fields = {name: finding.value for name, finding in found.items()} | asked
    fields.setdefault("image_size", IMAGE_SIZES[fields.get("stem", "imagenet")])
    spec = ResNetSpec(**fields)
    if not {"width", "num_classes", "depth"} <= found.keys():
        raise _no_resnet(tensors, spec, origin)
    contradictions = [
        f"--{name.replace('_', '-')} {asked[name]} was asked for, but {finding.evidence}"
        for name, finding in found.items()
        if name in asked and asked[name] != finding.value and name != "image_size"  # the network takes others, too
    ]
    if contradictions:
        raise CheckpointError(
            f"{'; '.join(contradictions)}.", hint="Leave these options out, or give the checkpoint they describe."
        )
    return spec


def _findings(tensors: Tensors, origin: str) -> dict[str, Finding]:
    """Field -> what the tensors show; a field is absent where the tensor that would show it is."""
    found: dict[str, Finding] = {}
    blocks, bottleneck = _blocks(tensors)
    if blocks[0]:
        depth = _nearest_depth(blocks, bottleneck)
        kind = "bottleneck" if bottleneck else "basic"
        found["depth"] = Finding(depth, f"{origin} has the {kind} blocks of ResNet-{depth} {blocks}")
    conv = _shape(tensors, "conv1.weight", 4)
    if conv:
        width, in_channels, kernel, _ = conv
        name = f"conv1.weight in {origin}"
        found["in_channels"] = Finding(in_channels, f"{name} takes {in_channels} channels")
        found["width"] = Finding(width, f"{name} gives {width} channels")
        if kernel in STEM_OF_KERNEL:
            stem = STEM_OF_KERNEL[kernel]
            found["stem"] = Finding(stem, f"{name} is a {kernel}x{kernel} convolution, the {stem} stem")
    grouped = _shape(tensors, "layer1.0.conv2.weight", 4)
    if bottleneck and conv and grouped:
        inner, taken, *_ = grouped
        groups = max(inner // taken, 1)
        base_width, name = base_width_of(inner, groups, conv[0]), f"layer1.0.conv2.weight in {origin}"
        found["groups"] = Finding(groups, f"{name} has {number(groups, 'group')}")
        found["base_width"] = Finding(base_width, f"{name} shows a base width of {base_width}")
    classifier = _shape(tensors, "fc.weight", 2)
    if classifier:
        found["num_classes"] = Finding(classifier[0], f"fc.weight in {origin} has {classifier[0]} classes")
    return found


def _blocks(tensors: Tensors) -> tuple[tuple[int, ...], bool]:
    """Number of blocks in each stage, and whether they are bottlenecks, which alone have a third convolution."""
    matches = [match for name in tensors if (match := re.match(r"layer([1-4])\.(\d+)\.", name))]
    blocks = tuple(len({match[2] for match in matches if match[1] == stage}) for stage in "1234")
    return blocks, any(match.string.endswith(".conv3.weight") for match in matches)


def _nearest_depth(blocks: tuple[int, ...], bottleneck: bool) -> int:
    """The nearest, so that the error of a checkpoint that lacks a block names the missing tensors."""

    def distance(depth: int) -> int:
        return sum(abs(have - want) for have, want in zip(blocks, VARIANTS[depth].blocks, strict=True))

    return min((depth for depth, variant in VARIANTS.items() if variant.bottleneck == bottleneck), key=distance)


def _shape(tensors: Tensors, name: str, rank: int) -> tuple[int, ...] | None:
    """The shape of a tensor, or None when it is absent, empty or of another rank."""
    shape = tensors[name].shape if name in tensors else ()
    return shape if len(shape) == rank and 0 not in shape else None


def _no_resnet(tensors: Tensors, spec: ResNetSpec, origin: str) -> CheckpointError:
    if (other := other_network(tensors)) is not None:
        return CheckpointError(f"{origin} holds the tensors of {other}, and no ResNet's.", hint=MODEL_ITSELF)
    # Their shapes are not compared: what none of them shows, such as the width, is a guess.
    shapes = {name: spec.parameters.get(name, ()) for name in tensors if not name.endswith(COUNTER)}
    return CheckpointError(
        f"{origin} holds {len(shapes)} tensors, but not those of a ResNet: "
        f"measured against ResNet-{spec.depth}, which has {len(spec.parameters)}, "
        f"{' and '.join(faults_of(spec.parameters, shapes, 'are '))}.",
        hint=f"Give the checkpoint of a ResNet whose tensors have torchvision's names. {MODEL_ITSELF}",
    )
