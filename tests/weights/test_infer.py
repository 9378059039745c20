from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from resnet_export.errors import CheckpointError, SpecificationError
from resnet_export.spec import VARIANTS, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.infer import infer_spec


def empty(spec: ResNetSpec) -> dict[str, Any]:
    """Tensors with the shapes of `spec` that take no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in spec.parameters.items()}


@pytest.mark.parametrize("depth", VARIANTS)
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_everything_the_shapes_show_is_inferred(depth: int, stem: Any) -> None:
    size = {"imagenet": 224, "cifar": 32}[stem]
    spec = ResNetSpec(depth=depth, num_classes=7, in_channels=4, image_size=size, width=24, stem=stem)
    assert infer_spec(empty(spec), origin="m.pth") == spec


@pytest.mark.parametrize("fields", [{"groups": 32, "base_width": 4}, {"base_width": 128}, {"groups": 8, "width": 32}])
def test_groups_and_base_width_are_inferred(fields: dict[str, int]) -> None:
    spec = ResNetSpec(depth=50, **fields)  # type: ignore[arg-type]
    assert infer_spec(empty(spec), origin="m.pth") == spec


def test_what_the_shapes_do_not_show_is_taken_as_asked(tiny: ResNetSpec) -> None:
    asked = replace(tiny, image_size=48, eps=1e-3)
    assert infer_spec(empty(tiny), origin="m.pth", **asked.as_dict()) == asked


def test_the_stride_of_bottlenecks_is_taken_as_asked(bottlenecks: ResNetSpec, tiny: ResNetSpec) -> None:
    """Without a depth, which the tensors show; networks without bottlenecks have no such field."""
    asked = replace(bottlenecks, stride_on="1x1", image_size=224)
    assert infer_spec(empty(bottlenecks), origin="m.pth", stride_on="1x1") == asked
    with pytest.raises(SpecificationError, match="ResNet-18 has no bottlenecks"):
        infer_spec(empty(tiny), origin="m.pth", stride_on="1x1")


def test_norms_without_statistics_are_named(tiny: ResNetSpec) -> None:
    tensors = {name: one for name, one in empty(tiny).items() if "running" not in name}
    with pytest.raises(CheckpointError, match="its norms have no running statistics, as group norms have none"):
        Weights(tiny, tensors)


def test_none_is_not_asked(tiny: ResNetSpec) -> None:
    nothing = dict.fromkeys(tiny.as_dict())
    assert infer_spec(empty(tiny), origin="m.pth", **nothing) == tiny


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"num_classes": 1000}, "--num-classes 1000 was asked for, but fc.weight in m.pth has 10 classes."),
        ({"in_channels": 1}, "--in-channels 1 was asked for, but conv1.weight in m.pth takes 3 channels."),
        ({"width": 64}, "--width 64 was asked for, but conv1.weight in m.pth gives 8 channels."),
        ({"stem": "imagenet"}, "--stem imagenet was asked for, but conv1.weight in m.pth is a 3x3 convolution"),
        ({"depth": 50}, "--depth 50 was asked for, but m.pth has the basic blocks of ResNet-18 (2, 2, 2, 2)."),
    ],
)
def test_contradictions_name_both_sides(tiny: ResNetSpec, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        infer_spec(empty(tiny), origin="m.pth", **asked)
    assert message in caught.value.message
    assert caught.value.exit_code == 3


def test_all_contradictions_are_in_one_message(tiny: ResNetSpec) -> None:
    with pytest.raises(CheckpointError, match=r"--depth 34 .*; --width 4 .*; --num-classes 5 "):
        infer_spec(empty(tiny), origin="m.pth", depth=34, num_classes=5, width=4)


@pytest.mark.parametrize("lost", ["layer1.0.bn1.bias", "layer3.1.conv2.weight", "fc.bias", "bn1.running_mean"])
@pytest.mark.parametrize("depth", [18, 34])
def test_a_lost_tensor_is_named(tiny: ResNetSpec, depth: int, lost: str) -> None:
    tensors = empty(replace(tiny, depth=depth))
    del tensors[lost]
    with pytest.raises(CheckpointError, match=rf"ResNet-{depth} .*: 1 missing \('{lost}'\)\."):
        Weights(infer_spec(tensors, origin="m.pth"), tensors, origin="m.pth")


def test_a_lost_block_is_named(tiny: ResNetSpec) -> None:
    spec = replace(tiny, depth=101)
    tensors = {name: array for name, array in empty(spec).items() if not name.startswith("layer3.11.")}
    with pytest.raises(CheckpointError, match=r"ResNet-101 .*: 15 missing \('layer3\.11\.conv1\.weight'"):
        Weights(infer_spec(tensors, origin="m.pth"), tensors, origin="m.pth")


@pytest.mark.parametrize("lost", ["fc.weight", "conv1.weight"])
def test_without_a_key_tensor_the_rest_is_still_recognised(tiny: ResNetSpec, lost: str) -> None:
    tensors = empty(replace(tiny, depth=50))
    del tensors[lost]
    with pytest.raises(CheckpointError) as caught:
        infer_spec(tensors, origin="m.pth")
    assert f"measured against ResNet-50, which has 267, 1 are missing ('{lost}')." in caught.value.message


def test_another_architecture_is_named_by_its_tensors() -> None:
    names = ["features.conv0.weight", "features.norm0.weight", "features.norm0.bias", "features.norm0.running_mean"]
    tensors = {name: np.zeros(2, np.float32) for name in names}
    tensors["features.norm0.num_batches_tracked"] = np.zeros((), np.int64)
    with pytest.raises(CheckpointError) as caught:
        infer_spec(tensors, origin="densenet.pth")
    assert caught.value.message == (
        "densenet.pth holds 4 tensors, but not those of a ResNet: measured against ResNet-18, which has 102, "
        "102 are missing ('conv1.weight', 'bn1.weight', 'bn1.bias' and 99 more) and "
        "4 are surplus ('features.conv0.weight', 'features.norm0.weight', 'features.norm0.bias' and 1 more)."
    )


def test_another_architecture_is_measured_against_what_was_asked() -> None:
    with pytest.raises(CheckpointError, match="measured against ResNet-50, which has 267, 267 are missing"):
        infer_spec({"a": np.zeros(1)}, origin="m.pth", depth=50)


@pytest.mark.parametrize("shape", [(8, 3), (0, 3, 3, 3), ()])
def test_a_misshapen_key_tensor_is_no_resnet(tiny: ResNetSpec, shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckpointError, match="not those of a ResNet"):
        infer_spec(empty(tiny) | {"conv1.weight": np.zeros(shape)}, origin="m.pth")


def test_a_stem_of_neither_kind_is_misshapen(tiny: ResNetSpec) -> None:
    tensors = empty(tiny) | {"conv1.weight": np.zeros((8, 3, 5, 5), np.float32)}
    with pytest.raises(CheckpointError, match=r"conv1\.weight: \(8, 3, 5, 5\), expected \(8, 3, 7, 7\)"):
        Weights(infer_spec(tensors, origin="m.pth"), tensors, origin="m.pth")


def test_a_depth_that_does_not_exist(tiny: ResNetSpec) -> None:
    with pytest.raises(SpecificationError, match="There is no ResNet of depth 20") as caught:
        infer_spec(empty(tiny), origin="m.pth", depth=20)
    assert caught.value.exit_code == 2
