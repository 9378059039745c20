"""What follows a product is folded into its numbers exactly, and rounded once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.folding import classifier_of, fold, folded_numbers, scale_and_shift, unfolded
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

from .running import assert_as_in_onnx_runtime, images_of, numbers_of

WINDOW = {"group": 1, "kernel_shape": (3, 3), "strides": (1, 1), "pads": (0,) * 4, "dilations": (1, 1)}
CONV = Step("conv", "Conv", (IMAGE,), WINDOW, {"weight": (4, 3, 3, 3)})
BIASED = replace(CONV, parameters={**CONV.parameters, "bias": (4,)})


def norm(name: str, source: str, channels: int = 4) -> Step:
    roles = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return Step(name, "BatchNormalization", (source,), {"epsilon": 1e-3}, roles)


def network_of(*steps: Step, outputs: tuple[str, ...] = ()) -> Network:
    return Network((3, 6, 5), steps, outputs or (steps[-1].name,))


def operators(network: Network) -> list[str]:
    return [step.op for step in network.steps]


def assert_the_same(network: Network) -> Network:
    """Folded, it computes the same: with the numbers from before the folding to the last bits, else after rounding."""
    folded, numbers, images = fold(network), numbers_of(network), images_of(network)
    exact = outputs_of(network, numbers, images, network.outputs)
    for found, wanted in zip(outputs_of(folded, numbers, images, folded.outputs), exact, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    rounded = dict(folded_numbers(folded, numbers))
    assert {name: array.shape for name, array in rounded.items()} == dict(folded.parameters)
    assert list(rounded) == list(folded.parameters)
    assert {array.dtype for array in rounded.values()} <= {np.dtype(np.float32)}
    own = unfolded(folded)
    for found, wanted in zip(outputs_of(own, rounded, images, own.outputs), exact, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
    assert_as_in_onnx_runtime(network)
    assert fold(own) == own, "a second folding has nothing to do"
    return folded


@pytest.mark.parametrize("conv", [CONV, BIASED])
def test_a_convolution_absorbs_the_batch_norm_behind_it(conv: Step) -> None:
    folded = assert_the_same(network_of(conv, norm("bn", "conv")))
    (step,) = folded.steps
    assert (step.name, step.op, step.inputs, step.attributes) == ("conv", "Conv", (IMAGE,), WINDOW)
    assert step.parameters == {"weight": (4, 3, 3, 3), "bias": (4,)}
    assert [part.name for part in step.parts] == ["conv", "bn"]
    assert folded.outputs == ("conv",)


def test_a_second_batch_norm_too() -> None:
    folded = assert_the_same(network_of(CONV, norm("bn", "conv"), norm("again", "bn")))
    assert [part.name for part in folded.steps[0].parts] == ["conv", "bn", "again"]


def test_a_matrix_product_absorbs_its_batch_norm() -> None:
    steps = (
        Step("flat", "Flatten", (IMAGE,), {"axis": 1}),
        Step("fc", "Gemm", ("flat",), {"transB": 1}, {"weight": (7, 90)}),
    )
    assert operators(assert_the_same(network_of(*steps, norm("bn", "fc", 7)))) == ["Flatten", "Gemm"]


@pytest.mark.parametrize("shape", [(), (4, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("op", ["Add", "Div", "Mul", "Sub"])
def test_arithmetic_with_a_number_for_each_channel(op: str, shape: tuple[int, ...]) -> None:
    step = Step("step", op, ("conv",), {}, {"right": shape})
    assert operators(assert_the_same(network_of(BIASED, step))) == ["Conv"]


@pytest.mark.parametrize(
    ("op", "parameters"),
    [
        ("Mul", {"right": (4, 4, 3)}),  # not the same all over a channel
        ("Mul", {"right": (3,)}),
        ("Pow", {"right": ()}),
        ("Max", {"right": (4, 1, 1)}),
        ("Sub", {"left": (4, 1, 1)}),
        ("Div", {"left": ()}),
    ],
)
def test_other_arithmetic_stays(op: str, parameters: dict[str, Any]) -> None:
    network = network_of(CONV, Step("step", op, ("conv",), {}, parameters))
    assert operators(fold(network)) == ["Conv", op]


def test_arithmetic_that_makes_more_channels_stays() -> None:
    one = replace(CONV, parameters={"weight": (1, 3, 3, 3)})
    network = network_of(one, Step("step", "Add", ("conv",), {}, {"right": (5, 1, 1)}))
    assert operators(assert_the_same(network)) == ["Conv", "Add"]


def test_a_convolution_with_another_user_keeps_its_batch_norm() -> None:
    steps = CONV, norm("bn", "conv"), Step("relu", "Relu", ("conv",)), Step("add", "Add", ("bn", "relu"))
    assert operators(assert_the_same(network_of(*steps))) == ["Conv", "BatchNormalization", "Relu", "Add"]


def test_a_convolution_that_is_an_output_keeps_its_batch_norm() -> None:
    folded = assert_the_same(network_of(CONV, norm("bn", "conv"), outputs=("bn", "conv")))
    assert operators(folded) == ["Conv", "BatchNormalization"]


def test_a_batch_norm_that_is_an_output_is_folded_until_there() -> None:
    steps = CONV, norm("bn", "conv"), norm("again", "bn")
    folded = assert_the_same(network_of(*steps, outputs=("again", "bn")))
    assert operators(folded) == ["Conv", "BatchNormalization"]
    assert folded.outputs == ("again", "conv")


def test_a_batch_norm_behind_something_else_stays() -> None:
    steps = Step("relu", "Relu", (IMAGE,)), norm("bn", "relu", 3)
    assert operators(assert_the_same(network_of(*steps))) == ["Relu", "BatchNormalization"]


def test_unfolded_steps_stand_for_themselves() -> None:
    folded = fold(network_of(CONV, norm("bn", "conv")))
    (step,) = unfolded(folded).steps
    assert step.parts == ()
    assert replace(folded.steps[0], parts=()) == step


numbers = st.floats(-4, 4, width=32)
positive = st.floats(0, 4, width=32)


@settings(max_examples=50, deadline=None)
@given(
    kernel=numbers,
    gamma=numbers,
    beta=numbers,
    mean=numbers,
    variance=positive,
    eps=st.sampled_from([1e-5, 1e-3, 1e-7]),
)
def test_the_numbers_are_rounded_once(
    kernel: float, gamma: float, beta: float, mean: float, variance: float, eps: float
) -> None:
    """Within half a unit in the last place (and a little) of the formula in extended precision."""
    spec = ResNetSpec(depth=18, width=1, num_classes=1, in_channels=1, image_size=8, stem="cifar", eps=eps)
    tensors = dict(Weights.initial(spec))
    tensors["conv1.weight"] = np.full((1, 1, 3, 3), kernel, np.float32)
    for part, value in (("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", variance)):
        tensors[f"bn1.{part}"] = np.full(1, value, np.float32)
    arrays = dict(folded_numbers(spec.canonical, Weights(spec, tensors)))
    scale = np.longdouble(gamma) / np.sqrt(np.longdouble(variance) + np.longdouble(eps))
    for found, exact in (
        (arrays["conv1.weight"][0, 0, 0, 0], np.longdouble(kernel) * scale),
        (arrays["conv1.bias"][0], np.longdouble(beta) - np.longdouble(mean) * scale),
    ):
        # 2^-48: the float64 steps before the only rounding, relative to the largest term
        room = 0.5 * np.longdouble(np.spacing(abs(found))) + 2.0**-48 * (
            abs(beta) + abs(np.longdouble(mean) * scale) + abs(exact)
        )
        assert abs(np.longdouble(found) - exact) <= room
        assert found.dtype == np.float32


def test_the_order_and_names_are_those_of_the_graph() -> None:
    spec = ResNetSpec(depth=18, width=8, num_classes=10, image_size=32)
    arrays = dict(folded_numbers(spec.canonical, Weights.initial(spec)))
    steps = [step for step in spec.canonical.steps if step.op in ("Conv", "Gemm")]
    assert list(arrays) == [f"{step.name}.{part}" for step in steps for part in ("weight", "bias")]
    assert len(arrays) == 42


def test_the_classifier_is_not_touched() -> None:
    spec = ResNetSpec(depth=18, width=8, num_classes=10, image_size=32)
    weights = Weights.initial(spec)
    arrays = dict(folded_numbers(spec.canonical, weights))
    for part in ("weight", "bias"):
        assert arrays[f"fc.{part}"].tobytes() == weights[f"fc.{part}"].tobytes()


def test_numbers_in_float64_are_rounded_once_too() -> None:
    network = network_of(BIASED)
    wide = {name: array.astype(np.float64) + 1e-12 for name, array in numbers_of(network).items()}
    found = dict(folded_numbers(fold(network), wide))
    for name, array in found.items():
        np.testing.assert_array_equal(array, wide[name].astype(np.float32))


def test_another_eps_shows_what_that_would_make() -> None:
    network = network_of(CONV, norm("bn", "conv"))
    drawn = numbers_of(network)
    other = replace(network, steps=(CONV, replace(network.steps[1], attributes={"epsilon": 1e-2})))
    for found, wanted in zip(
        scale_and_shift(network.steps[0], [network.steps[1]], drawn, eps=1e-2),
        scale_and_shift(other.steps[0], [other.steps[1]], drawn),
        strict=True,
    ):
        np.testing.assert_array_equal(found, wanted)


def test_the_classifier_is_the_last_product_with_what_is_merged_into_it() -> None:
    flat = Step("flat", "Flatten", (IMAGE,), {"axis": 1})
    fc = Step("fc", "Gemm", ("flat",), {"transB": 1}, {"weight": (4, 90)})
    scale = Step("scale", "Mul", ("fc",), {}, {"right": (4,)})
    last = norm("bn", "scale")
    for network in (network_of(flat, fc), network_of(flat, fc, scale), network_of(flat, fc, scale, last)):
        for one in (network, fold(network), unfolded(fold(network))):
            found = classifier_of(one)
            assert found is not None
            assert (found.name, found.inputs) == ("fc", ("flat",))
    assert classifier_of(network_of(flat)) is None
    assert classifier_of(network_of(flat, fc, Step("relu", "Relu", ("fc",)))) is None
    assert classifier_of(network_of(flat, fc, scale, outputs=("scale", "fc"))) is None, "nothing is merged"
    assert classifier_of(network_of(CONV, norm("bn", "conv"))) is None
