from __future__ import annotations

import copy
import json
import math
import pickle
from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import Any

import keras
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_export.errors import SpecificationError, UsageError
from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition
from resnet_export.network import BATCH, concrete
from resnet_export.spec import VARIANTS, ResNetSpec

PARAMETERS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}
GIGA_MULTIPLY_ADDS = {18: 1.814, 34: 3.664, 50: 4.089, 101: 7.801, 152: 11.514}
"""Both as torchvision publishes them with its weights."""


@pytest.mark.parametrize("depth", VARIANTS)
def test_published_sizes(depth: int) -> None:
    spec = ResNetSpec(depth=depth)
    assert spec.trainable_parameters == PARAMETERS[depth]
    assert round(spec.multiply_adds / 1e9, 3) == GIGA_MULTIPLY_ADDS[depth]


@pytest.mark.parametrize(
    ("name", "fields", "parameters", "giga"),
    [
        ("resnext50_32x4d", {"depth": 50, "groups": 32, "base_width": 4}, 25_028_904, 4.23),
        ("resnext101_64x4d", {"depth": 101, "groups": 64, "base_width": 4}, 83_455_272, 15.46),
        ("wide_resnet50_2", {"depth": 50, "base_width": 128}, 68_883_240, 11.398),
    ],
)
def test_published_sizes_of_relatives(name: str, fields: dict[str, int], parameters: int, giga: float) -> None:
    spec = ResNetSpec(**fields)  # type: ignore[arg-type]
    assert spec.trainable_parameters == parameters, name
    assert abs(spec.multiply_adds / 1e9 - giga) < 0.006


def test_the_stride_on_the_first_convolution_is_the_paper_s() -> None:
    first, second = (ResNetSpec(depth=50, stride_on=place).network.step for place in ("1x1", "3x3"))
    strides = [[step[f"layer2.0.conv{index}"].attributes["strides"] for index in (1, 2)] for step in (first, second)]
    assert strides == [[(2, 2), (1, 1)], [(1, 1), (2, 2)]]
    assert ResNetSpec(depth=50, stride_on="1x1").multiply_adds < ResNetSpec(depth=50).multiply_adds


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"groups": 2}, "has no bottlenecks"),
        ({"base_width": 32}, "has no bottlenecks"),
        ({"stride_on": "1x1"}, "has no bottlenecks"),
        ({"depth": 50, "stride_on": "5x5"}, "stride_on is '5x5'"),
        ({"depth": 50, "groups": 0}, "groups is 0"),
        ({"depth": 50, "base_width": 4, "width": 8}, "leaves no channel"),
    ],
)
def test_impossible_bottlenecks(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        ResNetSpec(**fields)


def test_exact_multiply_adds() -> None:
    assert ResNetSpec(depth=18).multiply_adds == 1_814_073_344
    assert ResNetSpec(depth=50).multiply_adds == 4_089_184_256


def test_multiply_adds_do_not_count_what_has_no_weights() -> None:
    network = ResNetSpec().network
    for step in network.steps:
        assert (network.multiply_adds_of(step) > 0) == (step.op in ("Conv", "Gemm"))


def test_steps_of_resnet18() -> None:
    steps = ResNetSpec().canonical.steps
    assert len(steps) == 49
    assert Counter(step.op for step in steps) == {
        "Conv": 20,
        "Relu": 17,
        "Add": 8,
        "MaxPool": 1,
        "GlobalAveragePool": 1,
        "Flatten": 1,
        "Gemm": 1,
    }
    assert [step.name for step in steps[:10]] == [
        "conv1",
        "relu",
        "maxpool",
        "layer1.0.conv1",
        "layer1.0.relu1",
        "layer1.0.conv2",
        "layer1.0.add",
        "layer1.0.relu2",
        "layer1.1.conv1",
        "layer1.1.relu1",
    ]
    assert [step.name for step in steps[-3:]] == ["avgpool", "flatten", "fc"]


def test_cifar_stem_has_no_pool() -> None:
    network = ResNetSpec(stem="cifar", image_size=32).canonical
    assert len(network.steps) == 48
    assert "MaxPool" not in {step.op for step in network.steps}
    first = network.steps[0].attributes
    assert (first["kernel_shape"], first["strides"], first["pads"]) == ((3, 3), (1, 1), (1, 1, 1, 1))
    assert network.shapes["conv1"] == (BATCH, 64, 32, 32)


def test_stride_of_a_bottleneck_stands_on_its_3x3() -> None:
    convolutions = [step for step in ResNetSpec(depth=50).network.steps if step.op == "Conv"]
    strides = {step.name: (step.attributes["kernel_shape"][0], step.attributes["strides"][0]) for step in convolutions}
    assert strides["layer2.0.conv1"] == (1, 1)
    assert strides["layer2.0.conv2"] == (3, 2)
    assert strides["layer2.0.conv3"] == (1, 1)
    assert strides["layer2.0.downsample.0"] == (1, 2)


@pytest.mark.parametrize("depth", VARIANTS)
def test_steps_stand_in_topological_order(depth: int) -> None:
    known = {"input"}
    for step in ResNetSpec(depth=depth).network.steps:
        assert known.issuperset(step.inputs)
        assert step.name not in known
        known.add(step.name)


def test_torchvisions_names_order_and_shapes_of_a_basic_block() -> None:
    def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}

    block = {name: shape for name, shape in ResNetSpec().parameters.items() if name.startswith("layer2.0.")}
    assert list(block.items()) == list(
        (
            {"layer2.0.conv1.weight": (128, 64, 3, 3)}
            | norm("layer2.0.bn1", 128)
            | {"layer2.0.conv2.weight": (128, 128, 3, 3)}
            | norm("layer2.0.bn2", 128)
            | {"layer2.0.downsample.0.weight": (128, 64, 1, 1)}
            | norm("layer2.0.downsample.1", 128)
        ).items()
    )


def test_torchvisions_names_and_shapes_of_a_bottleneck() -> None:
    parameters = ResNetSpec(depth=50).parameters
    convolutions = {n: s for n, s in parameters.items() if n.startswith("layer1.0.") and len(s) == 4}
    assert list(convolutions.items()) == [
        ("layer1.0.conv1.weight", (64, 64, 1, 1)),
        ("layer1.0.conv2.weight", (64, 64, 3, 3)),
        ("layer1.0.conv3.weight", (256, 64, 1, 1)),
        ("layer1.0.downsample.0.weight", (256, 64, 1, 1)),
    ]
    assert next(iter(parameters)) == "conv1.weight"
    assert dict(list(parameters.items())[-2:]) == {"fc.weight": (1000, 2048), "fc.bias": (1000,)}


@pytest.mark.parametrize(("depth", "tensors"), [(18, 102), (34, 182), (50, 267), (101, 522), (152, 777)])
def test_number_of_tensors(depth: int, tensors: int) -> None:
    """One weight and four batch norm tensors a convolution (20, 36, 53, 104, 155 of them), and the classifier's two."""
    assert len(ResNetSpec(depth=depth).parameters) == tensors


specs = st.builds(
    ResNetSpec,
    depth=st.sampled_from([18, 50]),
    num_classes=st.integers(1, 5),
    in_channels=st.integers(1, 4),
    image_size=st.integers(1, 90),
    width=st.integers(1, 3),
    stem=st.sampled_from(["imagenet", "cifar"]),
)


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(spec=specs)
def test_torch_makes_every_shape_of_the_specification(spec: ResNetSpec) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        model = torch_definition.build(spec).eval()
        for name, module in model.named_modules():

            def note(module: Any, inputs: Any, output: Any, name: str = name) -> None:
                shapes[name] = tuple(output.shape)
                if isinstance(module, torch.nn.ReLU):
                    shapes[name.replace("relu2" if spec.depth == 18 else "relu3", "add")] = tuple(inputs[0].shape)

            module.register_forward_hook(note)
        model(torch.zeros(2, spec.in_channels, spec.image_size, spec.image_size))
    for name, shape in spec.network.shapes.items():
        if name != "input":
            assert shapes[name] == concrete(shape, 2), name
    assert {n: tuple(t.shape) for n, t in model.state_dict().items() if "tracked" not in n} == spec.parameters


@pytest.mark.long
@settings(max_examples=6, deadline=None)
@given(spec=specs)
def test_keras_makes_every_shape_of_the_specification(spec: ResNetSpec) -> None:
    layers = {layer.name: layer for layer in keras_definition.build(spec).layers}
    for name, (_, channels, *spatial) in spec.network.shapes.items():
        if name == "avgpool":
            continue  # Keras pools and flattens in one layer, which stands for the next step
        shape = layers["avgpool" if name == "flatten" else name].output.shape
        assert shape == (None, *spatial, channels), name
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("depth", [0, 20, "18", None, -18])
def test_unknown_depth(depth: Any) -> None:
    with pytest.raises(SpecificationError) as caught:
        ResNetSpec(depth=depth)
    assert caught.value.message == f"There is no ResNet of depth {depth!r}."
    assert caught.value.hint == "Choose one of 18, 34, 50, 101, 152."
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, UsageError)
    assert isinstance(caught.value, ValueError)


def test_unknown_stem() -> None:
    with pytest.raises(SpecificationError) as caught:
        ResNetSpec(stem="mnist")  # type: ignore[arg-type]
    assert caught.value.message == "There is no stem 'mnist'."
    assert caught.value.hint == "Choose one of imagenet, cifar."


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "image_size", "width"])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_sizes_are_whole_numbers_from_1(name: str, value: Any) -> None:
    with pytest.raises(SpecificationError) as caught:
        ResNetSpec(**{name: value})
    assert caught.value.message == f"{name} is {value!r}."
    assert caught.value.hint == f"Give {name} as a whole number from 1."


@pytest.mark.parametrize("eps", [0.0, -1e-5, math.inf, math.nan])
def test_eps_is_positive_and_finite(eps: float) -> None:
    with pytest.raises(SpecificationError) as caught:
        ResNetSpec(eps=eps)
    assert caught.value.message == f"eps is {eps!r}."
    assert "1e-5" in (caught.value.hint or "")


def test_a_specification_is_a_value() -> None:
    spec = ResNetSpec(depth=34)
    assert spec == ResNetSpec(depth=34)
    assert hash(spec) == hash(ResNetSpec(depth=34))
    assert spec != replace(spec, width=32)
    with pytest.raises(FrozenInstanceError):
        spec.depth = 18  # type: ignore[misc]
    with pytest.raises(TypeError):
        spec.parameters["fc.bias"] = ()  # type: ignore[index]


def test_copies_after_the_caches_are_filled() -> None:
    spec = ResNetSpec(depth=34)
    assert spec.network.steps
    assert spec.parameters
    for twin in (copy.copy(spec), copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert twin == spec
        assert twin.network == spec.network
        assert twin.parameters == spec.parameters


def test_plain_data_for_json() -> None:
    spec = ResNetSpec(depth=50, stem="cifar", image_size=32)
    assert ResNetSpec(**json.loads(json.dumps(spec.as_dict()))) == spec
    assert spec.as_dict() == {
        "depth": 50,
        "num_classes": 1000,
        "in_channels": 3,
        "image_size": 32,
        "width": 64,
        "stem": "cifar",
        "eps": 1e-5,
        "groups": 1,
        "base_width": 64,
        "stride_on": "3x3",
    }


@pytest.mark.parametrize(("depth", "features"), [(18, 512), (34, 512), (50, 2048), (101, 2048), (152, 2048)])
def test_length_of_the_embedding(depth: int, features: int) -> None:
    assert ResNetSpec(depth=depth).features == features
