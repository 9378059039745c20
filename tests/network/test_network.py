"""A network as data: what follows from its steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_export.network import BATCH, IMAGE, Network, Step
from resnet_export.spec import ResNetSpec

WINDOW = {"kernel_shape": (3, 3), "strides": (1, 1), "pads": (1, 1, 1, 1), "dilations": (1, 1)}
STEPS = (
    Step("conv", "Conv", (IMAGE,), {"group": 1, **WINDOW}, {"weight": (6, 3, 3, 3), "bias": (6,)}),
    Step("relu", "Relu", ("conv",)),
    Step("gate", "Sigmoid", ("conv",)),
    Step("mul", "Mul", ("relu", "gate")),
    Step("pool", "GlobalAveragePool", ("mul",)),
    Step("flat", "Flatten", ("pool",), {"axis": 1}),
    Step("fc", "Gemm", ("flat",), {"transB": 1}, {"weight": (10, 6), "bias": (10,)}),
)
NETWORK = Network((3, 8, 7), STEPS, ("fc", "pool"))


def test_shapes() -> None:
    assert NETWORK.shapes == {
        "input": (BATCH, 3, 8, 7),
        "conv": (BATCH, 6, 8, 7),
        "relu": (BATCH, 6, 8, 7),
        "gate": (BATCH, 6, 8, 7),
        "mul": (BATCH, 6, 8, 7),
        "pool": (BATCH, 6, 1, 1),
        "flat": (BATCH, 6),
        "fc": (BATCH, 10),
    }
    assert NETWORK.classes == 10


def test_what_is_first_among_the_outputs_classifies() -> None:
    assert NETWORK.output == "fc"
    assert replace(NETWORK, outputs=("pool",)).classes == 6


def test_parameters_in_the_order_of_the_steps() -> None:
    assert list(NETWORK.parameters.items()) == [
        ("conv.weight", (6, 3, 3, 3)),
        ("conv.bias", (6,)),
        ("fc.weight", (10, 6)),
        ("fc.bias", (10,)),
    ]
    assert STEPS[0].names == ("conv.weight", "conv.bias")
    assert STEPS[1].names == ()


def test_costs() -> None:
    assert NETWORK.trainable_parameters == 6 * 27 + 6 + 60 + 10
    assert [NETWORK.multiply_adds_of(step) for step in STEPS] == [8 * 7 * 6 * 27, 0, 0, 0, 0, 0, 60]
    assert NETWORK.multiply_adds == 8 * 7 * 6 * 27 + 60


def test_running_statistics_are_not_trained() -> None:
    norm = Step("bn", "BatchNormalization", (IMAGE,), {"epsilon": 1e-5}, dict.fromkeys(("weight", "bias"), (3,)))
    statistics = dict.fromkeys(("running_mean", "running_var"), (3,))
    network = Network((3, 8, 8), (replace(norm, parameters={**norm.parameters, **statistics}),), ("bn",))
    assert len(network.parameters) == 4
    assert network.trainable_parameters == 6


def test_users() -> None:
    assert [step.name for step in NETWORK.users["conv"]] == ["relu", "gate"]
    assert [step.name for step in NETWORK.users[IMAGE]] == ["conv"]
    assert "fc" not in NETWORK.users
    twice = Network((3, 8, 8), (Step("add", "Add", (IMAGE, IMAGE)),), ("add",))
    assert [step.name for step in twice.users[IMAGE]] == ["add"], "a step that takes a value twice is one user"


def test_the_network_until_a_step() -> None:
    ended = NETWORK.until("gate")
    assert [step.name for step in ended.steps] == ["conv", "gate"]
    assert ended.outputs == ("gate",)
    assert NETWORK.until("fc").steps == STEPS


def test_renamed() -> None:
    renamed = NETWORK.renamed({"conv": "stem", "fc": "head"})
    assert [step.name for step in renamed.steps] == ["stem", "relu", "gate", "mul", "pool", "flat", "head"]
    assert renamed.step["gate"].inputs == ("stem",)
    assert renamed.outputs == ("head", "pool")
    assert renamed.steps[0].names == ("stem.weight", "stem.bias")
    assert renamed.renamed({"stem": "conv", "head": "fc"}) == NETWORK


def test_a_step_that_takes_what_is_given_nowhere() -> None:
    network = Network((3, 8, 8), (Step("relu", "Relu", ("missing",)),), ("relu",))
    with pytest.raises(ValueError, match="relu takes missing, not all of which is given before it"):
        _ = network.shapes


def test_steps_in_another_order_are_no_network() -> None:
    with pytest.raises(ValueError, match="not all of which is given before it"):
        _ = replace(NETWORK, steps=STEPS[::-1]).shapes


def test_a_network_is_a_value() -> None:
    assert ResNetSpec().network == ResNetSpec().network
    assert ResNetSpec().network != ResNetSpec(width=32).network
