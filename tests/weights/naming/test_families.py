"""Names of other families, and what stands before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.weights.contents import Contents
from resnet_export.weights.naming.families import NAMINGS, canonical_name, in_canonical_names, other_network

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec

NAMES = [
    ("Hugging Face's ResNet", "resnet.embedder.embedder.convolution.weight", "conv1.weight"),
    ("Hugging Face's ResNet", "embedder.embedder.normalization.running_var", "bn1.running_var"),
    ("Hugging Face's ResNet", "resnet.encoder.stages.2.layers.1.layer.0.convolution.weight", "layer3.1.conv1.weight"),
    ("Hugging Face's ResNet", "resnet.encoder.stages.2.layers.1.layer.2.normalization.bias", "layer3.1.bn3.bias"),
    (
        "Hugging Face's ResNet",
        "encoder.stages.0.layers.0.shortcut.normalization.weight",
        "layer1.0.downsample.1.weight",
    ),
    ("Hugging Face's ResNet", "classifier.1.bias", "fc.bias"),
    ("keras.applications", "conv2_block1_0_bn.running_mean", "layer1.0.downsample.1.running_mean"),
    ("keras.applications", "conv5_block3_2_conv.weight", "layer4.2.conv2.weight"),
    ("keras.applications", "predictions.weight", "fc.weight"),
    ("keras-hub", "stack0_block1_3_bn.bias", "layer1.1.bn3.bias"),
    ("the usual networks for CIFAR", "layer2.0.shortcut.1.running_var", "layer2.0.downsample.1.running_var"),
    ("the usual networks for CIFAR", "linear.weight", "fc.weight"),
    ("torchvision", "conv1.3.weight", "conv1.3.weight"),
    ("torchvision", "layer1.0.se.fc1.bias", "layer1.0.se.fc1.bias"),
    ("fastai", "0.4.1.conv2.weight", "layer1.1.conv2.weight"),
    ("fastai", "0.model.layer1.1.conv2.weight", "layer1.1.conv2.weight"),
    ("fastai", "1.8.weight", "head.8.weight"),
    ("nn.Sequential(*resnet.children())", "4.1.conv2.weight", "layer1.1.conv2.weight"),
    ("nn.Sequential(*resnet.children())", "7.0.downsample.1.bias", "layer4.0.downsample.1.bias"),
]


@pytest.mark.parametrize(("family", "name", "canonical"), NAMES)
def test_names(family: str, name: str, canonical: str) -> None:
    assert canonical_name(name, NAMINGS[family]) == canonical


@pytest.mark.parametrize("name", ["blocks.0.attn.qkv.weight", "conv1", "layer1.0.conv1.scale", "stages.0.0.conv.bias"])
def test_what_no_family_has(name: str) -> None:
    assert [canonical_name(name, table) for table in NAMINGS.values()] == [None] * len(NAMINGS)


def named(spec: ResNetSpec, prefix: str = "") -> dict[str, np.ndarray]:
    return {prefix + name: np.zeros(shape, np.float32) for name, shape in spec.parameters.items()}


@pytest.mark.parametrize("prefix", ["model.", "backbone.", "net.", "base_encoder.", "model.backbone."])
def test_a_prefix_is_taken_off_and_said(tiny: ResNetSpec, prefix: str) -> None:
    found = in_canonical_names(Contents(named(tiny, prefix)))
    assert found.tensors.keys() == tiny.parameters.keys()
    assert found.notes == (f"its names stand behind {prefix!r}",)


def test_what_stands_beside_a_prefix_is_left_out_and_said(tiny: ResNetSpec) -> None:
    found = in_canonical_names(Contents({**named(tiny, "model."), "loss.weight": np.ones(5)}))
    assert found.tensors.keys() == tiny.parameters.keys()
    assert found.notes[1] == "'loss.weight' beside them was left out"


@pytest.mark.parametrize(
    ("prefix", "beside"),
    [
        ("0.", ("1.weight", "1.bias")),  # Sequential(resnet, Linear)
        ("base.", ("classifier.0.weight", "classifier.2.weight")),
        ("model.", ("logit_scale",)),
        ("model.", ("semantic.weight",)),  # which is no ema
        ("model.", ("normalizer.new_mean", "normalizer.new_std")),
        ("model.", ("bn0.weight", "bn0.running_var")),
        ("model.", ("auxiliary.conv1.weight",)),
    ],
)
def test_what_may_change_the_answers_is_not_placed(prefix: str, beside: tuple[str, ...], tiny: ResNetSpec) -> None:
    training = {"class_weights": np.ones(5), "val_acc.total": np.ones(()), "queue_ptr": np.ones(1, int)}
    tensors = {**named(tiny, prefix), **{name: np.ones(5, np.float32) for name in beside}, **training}
    assert in_canonical_names(Contents(tensors)).unplaced == beside


def test_of_an_ensemble_no_member_is_the_network(tiny: ResNetSpec) -> None:
    found = in_canonical_names(Contents(named(tiny, "m1.") | named(tiny, "m2.")))
    assert {name[:3] for name in found.unplaced} == {"m2."}
    features = {name: array for name, array in named(tiny, "m1.").items() if not name.startswith("m1.fc.")}
    assert in_canonical_names(Contents(features | {"projector.weight": np.ones((4, 8))})).unplaced == ()


@pytest.mark.parametrize("names", [("encoder_q.", "encoder_k."), ("momentum_encoder.", "base_encoder.")])
@pytest.mark.parametrize("ema", [False, True])
def test_of_two_encoders_the_average_is_taken_when_it_is_asked_for(
    names: tuple[str, str], ema: bool, tiny: ResNetSpec
) -> None:
    """MoCo's; the other one is left out, whichever comes first. A single layer `fc` is no classifier."""
    found = in_canonical_names(Contents(named(tiny, names[0]) | named(tiny, names[1])), ema=ema)
    average = {"encoder_q.": "encoder_k.", "momentum_encoder.": "momentum_encoder."}[names[0]]
    other = next(name for name in names if name != average)
    head = "projection." if names[0] == "encoder_q." else "fc."
    assert found.tensors.keys() == {name.replace("fc.", head) for name in tiny.parameters}
    assert found.notes[0] == f"its names stand behind {average if ema else other!r}"
    assert f"'{other if ema else average}conv1.weight'" in found.notes[1]
    assert found.unplaced == ()


def test_what_is_usual_in_a_family(tiny: ResNetSpec) -> None:
    """The bottlenecks of keras.applications have another eps and stride than torchvision's."""
    names = ("conv1_conv", "conv2_block1_1_conv", "conv2_block1_3_conv", "conv3_block1_1_conv")
    tensors = {f"{name}.weight": np.zeros((8, 8, 1, 1), np.float32) for name in names}
    found = in_canonical_names(Contents(tensors))
    assert (found.family, found.usual) == ("keras.applications", {"eps": 1.001e-5, "stride_on": "1x1"})
    del tensors["conv2_block1_3_conv.weight"]
    assert in_canonical_names(Contents(tensors)).usual == {}
    assert in_canonical_names(Contents(named(tiny))).family is None


def test_without_a_prefix_nothing_is_left_out(tiny: ResNetSpec) -> None:
    contents = Contents({**named(tiny), "loss.weight": np.ones(5)})
    assert in_canonical_names(contents) == contents


def test_a_classifier_behind_a_dropout_is_a_plain_one(tiny: ResNetSpec) -> None:
    tensors = {name.replace("fc.", "fc.1."): array for name, array in named(tiny).items()}
    assert in_canonical_names(Contents(tensors)).tensors.keys() == tiny.parameters.keys()


@pytest.mark.parametrize(
    ("body", "classifier"),
    [
        ("backbone.", "head.fc"),
        ("backbone.", "classifier"),
        ("backbone.", "backbone.head"),
        ("", "head.1"),
        ("net.", "fc"),
        ("resnet50.", "dense_2"),  # Keras's own names
    ],
)
def test_a_classifier_beside_the_body_is_that_of_the_network(tiny: ResNetSpec, body: str, classifier: str) -> None:
    """As in MMPretrain's checkpoints, and in modules of a backbone and an own layer behind it."""
    tensors = {name.replace(f"{body}fc.", f"{classifier}."): one for name, one in named(tiny, body).items()}
    found = in_canonical_names(Contents({**tensors, "criterion.weight": np.ones(5, np.float32)} if body else tensors))
    assert found.tensors.keys() == tiny.parameters.keys()
    assert found.notes[0] == f"its classifier is {classifier!r}"


def test_the_children_of_a_resnet_in_a_sequential(tiny: ResNetSpec) -> None:
    """`nn.Sequential(*list(resnet.children())[:-1])`, and a layer behind it."""
    places = {"conv1": "0", "bn1": "1"} | {f"layer{stage}": str(stage + 3) for stage in range(1, 5)}
    tensors = {}
    for name, one in named(tiny).items():
        first, _, rest = name.partition(".")
        tensors[f"features.{places[first]}.{rest}" if first in places else f"classifier.{rest}"] = one
    found = in_canonical_names(Contents(tensors))
    assert {name: one.shape for name, one in found.tensors.items()} == tiny.parameters


@pytest.mark.parametrize(
    "beside",
    [
        {"neck.weight": (64, 64), "head.weight": (5, 64)},  # another layer between
        {"neck.weight": (64,), "head.weight": (5, 64)},  # which may be a norm
        {"head.weight": (5, 128)},  # of other features
        {"projector.weight": (5, 64)},
        {"head.0.weight": (64, 64), "head.2.weight": (5, 64)},
    ],
)
def test_another_layer_beside_the_body_is_no_classifier(tiny: ResNetSpec, beside: dict[str, tuple[int, ...]]) -> None:
    body = {name: one for name, one in named(tiny, "backbone.").items() if ".fc." not in name}
    layers = {name: np.zeros(shape, np.float32) for name, shape in beside.items()}
    biases = {name.replace("weight", "bias"): np.zeros(len(one), np.float32) for name, one in layers.items()}
    found = in_canonical_names(Contents(body | layers | biases))
    assert not [name for name in found.tensors if name.startswith("fc.")]
    assert "left out" in found.notes[-1]


def test_names_of_another_architecture_stay() -> None:
    contents = Contents({"features.denseblock1.denselayer1.conv1.weight": np.zeros((1, 1, 1, 1))})
    assert in_canonical_names(contents) is contents


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("conv2_block1_preact_bn.weight", "ResNet v2"),
        ("stages.0.blocks.0.norm1.weight", "ResNetV2"),
        ("blocks.0.attn.qkv.weight", "Vision Transformer"),
        ("features.denseblock1.denselayer1.conv1.weight", "DenseNet"),
        ("blocks.0.0.conv_dw.weight", "MobileNet"),
        ("features.0.weight", "VGG"),
        ("layer1.0.convs.0.weight", "Res2Net"),
    ],
)
def test_other_networks_are_called_by_name(name: str, said: str) -> None:
    assert said in str(other_network(["head.bias", name]))


def test_a_resnet_is_none_of_them(tiny: ResNetSpec) -> None:
    assert other_network(tiny.parameters) is None
