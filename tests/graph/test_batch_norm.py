from __future__ import annotations

import itertools

import numpy as np
import pytest

from resnet_export.graph.batch_norm import RecogniseBatchNorm
from resnet_export.graph.access import attribute

from .rewrites import model_of, operators, rewritten

SIGNATURE = "(float[2,4,5,3] x, float[3] gamma, float[3] beta, float[3] mean, float[3] variance) => (float[A,B,C,D] y)"
WRITTEN_OUT = """eps = Constant<value_float=0.001>()
    {variance} root = Sqrt(v) inverse = Reciprocal(root)
    {scale} {scaled} {weighted} shift = Sub(beta, weighted) {y}"""


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=5)))
def test_it_is_recognised_in_every_order_of_its_operands(flips: tuple[bool, ...]) -> None:
    pairs = [("variance", "eps"), ("inverse", "gamma"), ("x", "scale"), ("mean", "scale"), ("scaled", "shift")]
    operands = [", ".join(pair[::-1] if flip else pair) for pair, flip in zip(pairs, flips, strict=True)]
    body = WRITTEN_OUT.format(
        variance=f"v = Add({operands[0]})",
        scale=f"scale = Mul({operands[1]})",
        scaled=f"scaled = Mul({operands[2]})",
        weighted=f"weighted = Mul({operands[3]})",
        y=f"y = Add({operands[4]})",
    )
    model = rewritten(model_of(SIGNATURE, body), RecogniseBatchNorm(), changes=True)
    assert operators(model) == ["Transpose", "BatchNormalization", "Transpose"]
    norm = model.graph[1]
    assert [value.name for value in norm.inputs[1:] if value] == ["gamma", "beta", "mean", "variance"]
    assert np.float32(attribute(norm, "epsilon")) == np.float32(0.001)


USUAL = {
    "variance": "v = Add(variance, eps)",
    "scale": "scale = Mul(inverse, gamma)",
    "scaled": "scaled = Mul(x, scale)",
    "weighted": "weighted = Mul(mean, scale)",
    "y": "y = Add(scaled, shift)",
}


@pytest.mark.parametrize(
    "change",
    [
        {"variance": "v = Add(variance, variance)"},  # eps is no constant
        {"variance": "v = Mul(variance, eps)"},
        {"scale": "scale = Add(inverse, gamma)"},
        {"weighted": "other = Mul(inverse, beta) weighted = Mul(mean, other)"},  # scaled by something else
        {"weighted": "weighted = Mul(mean, gamma)"},
        {"y": "y = Sub(scaled, shift)"},
        {"y": "turned = Sub(weighted, beta) y = Add(scaled, turned)"},
    ],
    ids=["eps", "product", "sum", "scale", "gamma", "difference", "sign"],
)
def test_anything_else_stays(change: dict[str, str]) -> None:
    model = model_of(SIGNATURE, WRITTEN_OUT.format(**USUAL | change))
    found = operators(rewritten(model, RecogniseBatchNorm(), changes=False))
    assert "BatchNormalization" not in found
    assert "Transpose" not in found
