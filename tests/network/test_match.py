"""A network is matched with the one that it should be, or the first layer that differs is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.errors import StructureError
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.match import layer_of, match
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = ResNetSpec(depth=18, width=8, num_classes=10, image_size=32)
EXPECTED = SPEC.network
BOTTLENECKS = ResNetSpec(depth=50, width=4, num_classes=10, image_size=32).network


@pytest.mark.parametrize("expected", [EXPECTED, BOTTLENECKS, SPEC.canonical], ids=["18", "50", "folded"])
def test_names_and_the_order_of_commutative_operands_do_not_matter(expected: Network) -> None:
    numbers = {step.name: f"step{index}" for index, step in enumerate(expected.steps)}
    steps = [replace(step, inputs=step.inputs[::-1]) if step.op == "Add" else step for step in expected.steps]
    found = replace(expected, steps=tuple(steps)).renamed(numbers)
    assert match(found, expected) == numbers


def test_no_two_users_of_a_value_are_confused() -> None:
    """A block's input feeds its first convolution and its projection, both 1x1 at stride 1 in the first stage."""
    names = {step.name: f"step{index}" for index, step in enumerate(BOTTLENECKS.steps)}
    found = match(BOTTLENECKS.renamed(names), BOTTLENECKS)
    for name in ("layer1.0.conv1", "layer1.0.downsample.0"):
        assert found[name] == names[name]


def change(name: str, **values: Any) -> Network:
    """The network with another value of one step; attributes are added to its own."""
    step = EXPECTED.step[name]
    if "attributes" in values:
        values["attributes"] = {**step.attributes, **values["attributes"]}
    steps = tuple(replace(step, **values) if step.name == name else step for step in EXPECTED.steps)
    return replace(EXPECTED, steps=steps)


def without(name: str) -> Network:
    """The network whose later steps take what the step `name` took."""
    source = EXPECTED.step[name].inputs[0]
    steps = [
        replace(step, inputs=tuple(source if taken == name else taken for taken in step.inputs))
        for step in EXPECTED.steps
        if step.name != name
    ]
    return replace(EXPECTED, steps=tuple(steps))


def with_step(new: Step, before: str) -> Network:
    """The network with a step more, whose output the step `before` takes in place of its first input."""
    steps: list[Step] = []
    for step in EXPECTED.steps:
        if step.name == before:
            steps += [new, replace(step, inputs=(new.name, *step.inputs[1:]))]
        else:
            steps.append(step)
    return replace(EXPECTED, steps=tuple(steps))


def norm_again() -> Network:
    norm = EXPECTED.step["layer3.1.bn1"]
    return with_step(replace(norm, name="again", inputs=("layer3.1.bn1",)), "layer3.1.relu1")


def norm_after_relu() -> Network:
    norm = EXPECTED.step["layer3.1.bn1"]
    return with_step(replace(norm, name="again", inputs=("layer3.1.relu1",)), "layer3.1.conv2")


def backwards() -> Network:
    return with_step(Step("order", "Gather", (IMAGE,), {"axis": 1, "indices": (2, 1, 0)}), "conv1")


def padded(before: str) -> Callable[[], Network]:
    source = EXPECTED.step[before].inputs[0]
    pad = Step("pad", "Pad", (source,), {"mode": "constant", "pads": (0, 0, 0, 0, 0, 0, 1, 1), "value": 0.0})

    def made() -> Network:
        found = with_step(pad, before)
        steps = [
            replace(step, attributes={**step.attributes, "pads": (0, 0, 0, 0)}) if step.name == before else step
            for step in found.steps
        ]
        return replace(found, steps=tuple(steps))

    return made


def softmax() -> Network:
    steps = (*EXPECTED.steps, Step("softmax", "Softmax", ("fc",), {"axis": 1}))
    return replace(EXPECTED, steps=steps, outputs=("softmax",))


@pytest.mark.parametrize(
    ("made", "layer", "says", "cause"),
    [
        (lambda: change("layer1.1.bn2", attributes={"epsilon": 1e-3}), "layer1.1.conv2",
         "the eps of layer1.1.bn2 is 0.001 in the graph and 1e-05 in the specification", "batch norm with eps 0.001"),
        (lambda: change("layer3.0.conv1", attributes={"strides": (1, 1)}), "layer3.0.conv1", "strides is (1, 1)",
         "the stride stands on another convolution"),
        (lambda: change("layer3.0.conv1", attributes={"pads": (0, 0, 1, 1)}), "layer3.0.conv1", "pads is (0, 0, 1, 1)",
         "SAME padding of the convolution"),
        (lambda: change("maxpool", attributes={"pads": (0, 0, 1, 1)}), "maxpool", "pads is (0, 0, 1, 1)",
         "SAME padding of the max pool"),
        (lambda: change("maxpool", attributes={"ceil_mode": 1}), "maxpool", "ceil_mode is 1", None),
        (lambda: change("layer3.0.conv1", attributes={"group": 2}), "layer3.0.conv1", "group is 2", None),
        (padded("maxpool"), "maxpool", "the graph has Pad", "SAME padding"),
        (padded("layer3.0.conv1"), "layer3.0.conv1", "the graph has", "SAME padding"),
        (lambda: without("layer1.0.relu1"), "layer1.0.relu1", "the graph has Conv", "a ReLU is missing"),
        (lambda: without("bn1"), "conv1", "no batch norm bn1", "the batch norm was left out"),
        (norm_again, "layer3.1.conv1", "the graph has BatchNormalization", "a batch norm was applied twice"),
        (norm_after_relu, "layer3.1.conv2", "the graph has BatchNormalization",
         "a batch norm was applied twice, or where none belongs"),
        (backwards, "conv1", "the graph has Gather", "the channels of the image were put in another order"),
        (lambda: change("layer2.0.relu1", op="Sigmoid"), "layer2.0.relu1", "the graph has Sigmoid",
         "a ReLU is missing"),
        (softmax, "fc", "the graph has more than the specification: Softmax", None),
        (lambda: replace(EXPECTED, outputs=("fc", "flatten")), "fc", "more than the specification: other outputs",
         None),
        (lambda: change("conv1", parameters={"weight": (8, 3, 7, 7), "bias": (8,)}), "conv1",
         "it has a bias more than the specification's weight (8, 3, 7, 7)", None),
        (lambda: change("fc", parameters={"weight": (11, 64), "bias": (11,)}), "fc", "its numbers have other shapes",
         None),
        (lambda: replace(EXPECTED, image=(3, 33, 33)), "conv1", "it takes images of (3, 33, 33)", None),
    ],
    ids=["eps", "stride", "same padding", "same padding of the pool", "ceil_mode", "groups", "pad before the pool",
         "pad before a convolution", "no ReLU", "no batch norm", "twice", "batch norm after the ReLU", "order",
         "sigmoid", "softmax", "outputs", "bias", "classes", "image"],
)  # fmt: skip
def test_the_first_wrong_layer_is_named(made: Callable[[], Network], layer: str, says: str, cause: str | None) -> None:
    with pytest.raises(StructureError) as caught:
        match(made(), EXPECTED)
    assert caught.value.layer == layer
    assert caught.value.message.startswith(f"{layer}: ")
    assert says in caught.value.message
    assert (caught.value.cause is None) if cause is None else cause in (caught.value.cause or "")
    assert caught.value.exit_code == 1


def test_the_stride_on_another_convolution_of_a_bottleneck() -> None:
    block = {"layer2.0.conv1": (2, 2), "layer2.0.conv2": (1, 1)}
    steps = [
        replace(step, attributes={**step.attributes, "strides": block[step.name]}) if step.name in block else step
        for step in BOTTLENECKS.steps
    ]
    with pytest.raises(StructureError, match=r"layer2\.0\.conv1: strides is \(2, 2\)"):
        match(replace(BOTTLENECKS, steps=tuple(steps)), BOTTLENECKS)


def test_another_network(tiny: ResNetSpec) -> None:
    with pytest.raises(StructureError) as caught:
        match(tiny.network, EXPECTED)
    assert caught.value.layer == "conv1"


def test_where_the_reading_broke_off_what_was_read_is_matched() -> None:
    """A fault before that place is named; what is right until there is missing a step."""
    broken = replace(without("layer1.0.relu1"), outputs=())
    with pytest.raises(StructureError, match=r"layer1\.0\.relu1: "):
        match(broken, EXPECTED)
    until = EXPECTED.until("layer2.0.conv1")
    with pytest.raises(StructureError) as caught:
        match(replace(until, outputs=()), EXPECTED)
    assert caught.value.layer == "layer2.0.conv1"


def test_a_batch_norm_belongs_to_the_convolution_before_it() -> None:
    assert layer_of(EXPECTED.step["layer1.0.bn1"], EXPECTED) == "layer1.0.conv1"
    assert layer_of(EXPECTED.step["layer1.0.relu1"], EXPECTED) == "layer1.0.relu1"
    assert layer_of(EXPECTED.step["conv1"], EXPECTED) == "conv1"
