from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_ir.passes.common import RemoveUnusedNodesPass

from resnet_export.graph.folding import NORM, FoldBatchNorm, FoldedNorm, folded, same_eps
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

from .rewrites import model_of, operators

if TYPE_CHECKING:
    import onnx_ir as ir

SIGNATURE = """(float[2,3,5,5] x, float[4,3,3,3] w, float[4] gamma, float[4] beta, float[4] mean, float[4] variance)
    => (float[A,B,C,D] y)"""
NORM_OF_C = "y = BatchNormalization<epsilon=0.001>(c, gamma, beta, mean, variance)"


def fold(body: str, *, changes: bool, signature: str = SIGNATURE) -> ir.Model:
    model = model_of(signature, body)
    assert FoldBatchNorm()(model).modified is changes
    RemoveUnusedNodesPass()(model)
    return model


def test_a_convolution_absorbs_the_batch_norm_behind_it() -> None:
    model = fold(f"c = Conv(x, w) {NORM_OF_C}", changes=True)
    assert operators(model) == ["Conv"]
    norm = model.graph[0].meta[NORM]
    assert norm == FoldedNorm(("gamma", "beta", "mean", "variance"), pytest.approx(0.001))
    assert list(model.graph.outputs) == [model.graph[0].outputs[0]]


def test_the_default_eps() -> None:
    model = fold("c = Conv(x, w) y = BatchNormalization(c, gamma, beta, mean, variance)", changes=True)
    assert model.graph[0].meta[NORM].eps == 1e-5


def test_a_bias_of_zeros_goes() -> None:
    model = fold(f"b = Constant<value_floats=[0.0,0.0,0.0,0.0]>() c = Conv(x, w, b) {NORM_OF_C}", changes=True)
    assert len(model.graph[-1].inputs) == 2


def test_a_bias_with_numbers_stays() -> None:
    model = fold(f"b = Constant<value_floats=[0.0,0.0,0.5,0.0]>() c = Conv(x, w, b) {NORM_OF_C}", changes=False)
    assert operators(model) == ["Conv", "BatchNormalization"]


def test_a_bias_that_is_an_input_stays() -> None:
    signature = SIGNATURE.replace("(float[2", "(float[4] b, float[2", 1)
    fold(f"c = Conv(x, w, b) {NORM_OF_C}", changes=False, signature=signature)


def test_a_convolution_with_another_user_keeps_its_batch_norm() -> None:
    signature = SIGNATURE.replace("y)", "y, float[A,B,C,D] z)")
    model = fold(f"c = Conv(x, w) {NORM_OF_C} z = Relu(c)", changes=False, signature=signature)
    assert operators(model) == ["Conv", "BatchNormalization", "Relu"]


def test_a_second_batch_norm_stays() -> None:
    body = f"d = Conv(x, w) c = BatchNormalization(d, gamma, beta, mean, variance) {NORM_OF_C}"
    assert operators(fold(body, changes=True)) == ["Conv", "BatchNormalization"]


def test_a_batch_norm_behind_something_else_stays() -> None:
    body = "c = Relu(x) y = BatchNormalization(c, gamma, beta, mean, variance)"
    signature = SIGNATURE.replace("float[4] ", "float[3] ")
    assert operators(fold(body, changes=False, signature=signature)) == ["Relu", "BatchNormalization"]


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
    arrays = folded(Weights(spec, tensors))
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


def test_the_order_and_names_are_those_of_the_graph(small: ResNetSpec) -> None:
    arrays = folded(Weights.initial(small))
    expected = [
        f"{step.name}.{part}" for step in small.steps if step.op in ("Conv", "Gemm") for part in ("weight", "bias")
    ]
    assert list(arrays) == expected
    assert len(arrays) == 42


def test_the_classifier_is_not_touched(small: ResNetSpec) -> None:
    weights = Weights.initial(small)
    arrays = folded(weights)
    for part in ("weight", "bias"):
        assert arrays[f"fc.{part}"].tobytes() == weights[f"fc.{part}"].tobytes()


def test_eps_is_compared_as_float32() -> None:
    spec = ResNetSpec(eps=1e-5)
    assert same_eps(float(np.float32(1e-5)), spec)
    assert same_eps(1e-5, spec)
    assert not same_eps(1.0001e-5, spec)
    assert not same_eps(1e-3, replace(spec, eps=1e-4))
