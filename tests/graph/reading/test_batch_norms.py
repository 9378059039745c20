"""Batch norms written out in arithmetic, in every order of their operands, become one step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from resnet_export.graph.reading import read

from .graphs import model_of, network_of, operators, reading_of

SIGNATURE = "(float[N,3,4,5] x, float[3] gamma, float[3] beta, float[3] mean, float[3] variance) => (float[A,B,C,D] y)"
WRITTEN_OUT = """t = Transpose<perm=[0,2,3,1]>(x) eps = Constant<value_float=0.001>()
    {variance} root = Sqrt(v) inverse = Reciprocal(root)
    {scale} {scaled} {weighted} shift = Sub(beta, weighted) {y}"""
"""Channels come last, as TensorFlow has them."""
USUAL = {
    "variance": "v = Add(variance, eps)",
    "scale": "scale = Mul(inverse, gamma)",
    "scaled": "scaled = Mul(t, scale)",
    "weighted": "weighted = Mul(mean, scale)",
    "y": "y = Add(scaled, shift)",
}


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=5)))
def test_it_is_recognised_in_every_order_of_its_operands(flips: tuple[bool, ...]) -> None:
    pairs = [("variance", "eps"), ("inverse", "gamma"), ("t", "scale"), ("mean", "scale"), ("scaled", "shift")]
    operands = [", ".join(pair[::-1] if flip else pair) for pair, flip in zip(pairs, flips, strict=True)]
    parts = zip(USUAL, operands, strict=True)
    body = WRITTEN_OUT.format(**{name: USUAL[name].partition("(")[0] + f"({given})" for name, given in parts})
    reading = reading_of(model_of(SIGNATURE, body))
    assert "BatchNormalization" in operators(reading.network)
    norm = next(step for step in reading.network.steps if step.op == "BatchNormalization")
    assert norm.attributes == {"epsilon": 0.001}
    assert dict(norm.parameters) == dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (3,))


def test_its_numbers_are_those_of_the_parameters() -> None:
    model = model_of(SIGNATURE, WRITTEN_OUT.format(**USUAL))
    numbers = {name: np.random.default_rng(0).uniform(1, 2, 3).astype(np.float32) for name in
               ("gamma", "beta", "mean", "variance")}  # fmt: skip
    reading = read(model, (3, 4, 5), numbers)
    (norm,) = (step for step in reading.network.steps if step.op == "BatchNormalization")
    for role, name in zip(norm.parameters, numbers, strict=True):
        assert reading.numbers[f"{norm.name}.{role}"].tobytes() == numbers[name].tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"variance": "half = Constant<value_float=0.5>() v = Add(variance, eps)", "root": "root = Pow(v, half)"},
        {"scale": "scale = Div(gamma, root)"},
        {"scale": "scale = Identity(inverse)", "without": "gamma"},
    ],
    ids=["power", "quotient", "no gamma"],
)
def test_other_ways_to_write_it(change: dict[str, str]) -> None:
    text = WRITTEN_OUT.replace("root = Sqrt(v)", change.pop("root", "root = Sqrt(v)"))
    missing = change.pop("without", None)
    body = text.format(**USUAL | change)
    signature = SIGNATURE if missing is None else SIGNATURE.replace(f"float[3] {missing}, ", "")
    network = network_of(signature, body)
    assert "BatchNormalization" in operators(network)


def test_without_beta() -> None:
    text = WRITTEN_OUT.replace("shift = Sub(beta, weighted)", "shift = Identity(weighted)")
    body = text.format(**USUAL | {"weighted": "negative = Neg(mean) weighted = Mul(negative, scale)"})
    network = network_of(SIGNATURE.replace("float[3] beta, ", ""), body)
    assert "BatchNormalization" in operators(network)


@pytest.mark.parametrize(
    "change",
    [
        {"variance": "v = Add(variance, variance)"},  # eps is no constant
        {"variance": "v = Mul(variance, eps)"},
        {"scale": "scale = Add(inverse, gamma)"},
        {"weighted": "other = Mul(inverse, beta) weighted = Mul(mean, other)"},  # scaled by something else
        {"weighted": "weighted = Mul(mean, gamma)"},
        {"y": "y = Sub(scaled, shift)"},
        {"y": "opposite = Sub(weighted, beta) y = Add(scaled, opposite)"},
        {"y": "z = Add(scaled, shift) y = Add(z, scaled)"},  # the product has another use
    ],
    ids=["eps", "product", "sum", "scale", "gamma", "difference", "sign", "use"],
)
def test_anything_else_stays_arithmetic(change: dict[str, str]) -> None:
    network = network_of(SIGNATURE, WRITTEN_OUT.format(**USUAL | change))
    assert "BatchNormalization" not in operators(network)


def test_a_batch_norm_of_one_number_stays_arithmetic() -> None:
    """It is none of the channels."""
    signature = SIGNATURE.replace("float[3]", "float[1]")
    assert "BatchNormalization" not in operators(network_of(signature, WRITTEN_OUT.format(**USUAL)))


def test_numbers_along_another_axis_are_no_batch_norm() -> None:
    """Though there are as many of them as channels."""
    body = WRITTEN_OUT.format(**USUAL).replace("[0,2,3,1]", "[0,1,2,3]")
    assert operators(network_of(SIGNATURE.replace("[N,3,4,5]", "[N,3,4,3]"), body)) == ["Mul", "Add"]
    first = operators(network_of(SIGNATURE.replace("[N,3,4,5]", "[N,3,3,3]"), body.replace("[0,1,2,3]", "[0,3,2,1]")))
    assert "BatchNormalization" in first


def test_behind_a_convolution_whose_channels_come_first() -> None:
    signature = """(float[N,3,5,5] x, float[4,3,3,3] w, float[4,1,1] gamma, float[4,1,1] beta, float[4,1,1] mean,
        float[4,1,1] variance) => (float[A,B,C,D] y)"""
    body = "c = Conv(x, w) " + WRITTEN_OUT.format(**USUAL | {"scaled": "scaled = Mul(c, scale)"})
    assert operators(network_of(signature, body)) == ["Conv", "BatchNormalization"]


CONV = "(float[N,3,5,5] x, float[4,3,3,3] w, float{shape} b) => (float[A,B,C,D] y)"


@pytest.mark.parametrize("shape", ["[4,1,1]", "[1,4,1,1]"])
@pytest.mark.parametrize("operands", ["c, b", "b, c"])
def test_a_number_that_is_added_to_each_channel_is_the_bias(shape: str, operands: str) -> None:
    network = network_of(CONV.format(shape=shape), f"c = Conv(x, w) y = Add({operands})")
    assert operators(network) == ["Conv"]
    assert dict(network.steps[0].parameters) == {"weight": (4, 3, 3, 3), "bias": (4,)}


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("[3]", "c = Conv(x, w) y = Add(c, b)"),
        ("[1]", "c = Conv(x, w) y = Add(c, b)"),
        ("[4,1,1]", "c = Conv(x, w) s = Add(c, b) y = Mul(s, c)"),
        ("[4,1,1]", "c = Conv(x, w) y = Sub(c, b)"),
    ],
    ids=["along a row", "one number", "another use", "difference"],
)
def test_other_sums_stay(shape: str, body: str) -> None:
    assert len(operators(network_of(CONV.format(shape=shape), body))) > 1


def test_a_second_bias_stays() -> None:
    signature = CONV.format(shape="[4,1,1]").replace("x,", "x, float[4] d,")
    assert operators(network_of(signature, "c = Conv(x, w, d) y = Add(c, b)")) == ["Conv", "Add"]


def test_a_bias_of_zeros_goes() -> None:
    signature = "(float[N,3,5,5] x, float[4,3,3,3] w) => (float[A,B,C,D] y)"
    zeros = network_of(signature, "b = Constant<value_floats=[0.0,0.0,0.0,0.0]>() y = Conv(x, w, b)")
    assert dict(zeros.steps[0].parameters) == {"weight": (4, 3, 3, 3)}
    others = network_of(signature, "b = Constant<value_floats=[0.0,0.0,0.5,0.0]>() y = Conv(x, w, b)")
    assert dict(others.steps[0].parameters) == {"weight": (4, 3, 3, 3), "bias": (4,)}


NORM = "BatchNormalization{options}(x, gamma, beta, mean, variance)"


@pytest.mark.parametrize(("options", "epsilon"), [("", 1e-5), ("<epsilon=0.001>", 1e-3), ("<epsilon=1.0e-12>", 1e-12)])
def test_eps_is_the_number_that_was_meant(options: str, epsilon: float) -> None:
    """And not what float32 makes of it."""
    (norm,) = network_of(SIGNATURE, f"y = {NORM.format(options=options)}").steps
    assert norm.attributes == {"epsilon": epsilon}
