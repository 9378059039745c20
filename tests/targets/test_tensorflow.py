"""Networks as functions of TensorFlow: what these give is what the networks give in float64."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.errors import NotApplicableError
from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.targets.tensorflow import function_of
from tests.graph.reading.checking import assert_equal
from tests.graph.reading.graphs import model_of
from tests.graph.reading.random_operators import KINDS, random_classifier

if TYPE_CHECKING:
    from resnet_export.graph.reading import Reading

pytest.importorskip("tensorflow", reason="tensorflow is not installed")

POOLS = {
    "a pad that TensorFlow makes": "kernel_shape=[3,3], strides=[2,2], pads=[0,0,1,1]",
    "a pad of its own": "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]",
    "a stride of 1": "kernel_shape=[3,3], pads=[1,1,1,1]",
    "counted pads": "kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1",
    "counted pads of its own": "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1",
    "pads on one side": "kernel_shape=[2,3], pads=[1,0,0,2]",
}
ACTIVATIONS = (
    "Relu(x)", "Clip<min=0., max=6.>(x)", "HardSwish(x)", "HardSigmoid<alpha=0.16666667>(x)", "Elu<alpha=0.5>(x)",
    "LeakyRelu(x)", "Softplus(x)", "Mish(x)",
)  # fmt: skip


def check(reading: Reading, seed: int = 0) -> None:
    """Holds the function of a network against its float64 evaluation."""
    images = np.random.default_rng(seed).standard_normal((2, *reading.network.image)).astype(np.float32)
    found = function_of(reading.network, reading.numbers)(images.transpose(0, 2, 3, 1)).numpy()
    assert_equal(reading, images, [found], "the function")


@pytest.mark.parametrize("window", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_average_pools(window: str, size: tuple[int, int]) -> None:
    model = model_of(f"(float[N,3,{size[0]},{size[1]}] x) => (float[N,C,H,W] y)", f"y = AveragePool<{window}>(x)")
    check(read(model, (3, *size)))


@pytest.mark.parametrize("before", ["Relu", "Neg"])
def test_max_pools(before: str) -> None:
    """Pads are no values, whether those are above 0 or below."""
    for window in list(POOLS.values())[:3]:
        body = f"a = {before}(x) y = MaxPool<{window}>(a)"
        check(read(model_of("(float[N,3,8,9] x) => (float[N,C,H,W] y)", body), (3, 8, 9)))


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("options", ["", "strides=[2,2],", "strides=[1,2],", "dilations=[2,2],"])
def test_convolutions(group: int, options: str) -> None:
    numbers = np.random.default_rng(0).standard_normal((8, 4 // group, 3, 3)).astype(np.float32)
    body = f"y = Conv<{options} kernel_shape=[3,3], pads=[1,1,1,1], group={group}>(x, w)"
    check(read(model_of("(float[N,4,8,9] x) => (float[N,C,H,W] y)", body, w=numbers), (4, 8, 9)))


def test_convolutions_over_one_axis() -> None:
    numbers = np.random.default_rng(0).standard_normal((4, 3, 3)).astype(np.float32)
    body = "s = Constant<value_ints=[0,3,72]>() f = Reshape(x, s) y = Conv<kernel_shape=[3], pads=[1,1]>(f, w)"
    check(read(model_of("(float[N,3,8,9] x) => (float[N,C,L] y)", body, w=numbers), (3, 8, 9)))


@pytest.mark.parametrize("expression", ACTIVATIONS)
def test_activations(expression: str) -> None:
    opset = 7 if "min=" in expression else 20  # later, a Clip takes its bounds as inputs
    signature = "(float[N,3,4,5] x) => (float[N,3,4,5] y)"
    check(read(model_of(signature, f"y = {expression}", opset), (3, 4, 5)))


def test_random_networks() -> None:
    """Most are carried over; the others are refused by the name of the step."""
    carried, refused = 0, []
    for seed in range(60):
        model, image, batch = random_classifier(Random(seed), KINDS)
        try:
            reading = read(ir.from_proto(model), image, batch=batch)
        except UnreadableError:
            continue
        network = reading.network.until(reading.network.output)
        try:
            check(replace(reading, network=network), seed)
        except NotApplicableError as error:
            refused.append((error.message, [f"{step.name} is {step.op}" for step in network.steps]))
        else:
            carried += 1
    assert carried >= 40
    assert all(message.startswith(tuple(steps)) for message, steps in refused)
