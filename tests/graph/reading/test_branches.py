"""`If`, as exporters write what depends on the shape of a value; and products of parameters alone, as adapters have."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError

from .graphs import model_of, operators, reading_of

SIGNATURE = "(float[N,3,4,4] x) => (float[N,M] y)"
BRANCHES = """q = If(condition)<
    then_branch = squeezing() => (float[] s) <int64[1] inner = {3}> { s = Squeeze(g, inner) },
    else_branch = scaled() => (float[] e) { double = Mul(g, factor) e = Relu(double) }>"""
POOL = "g = GlobalAveragePool(x) sizes = Shape(g) width = Gather(sizes, last)"
NUMBERS = {"last": np.int64(3), "two": np.array([2]), "factor": np.float32([2.0])}


@pytest.mark.parametrize(("width", "found"), [(1, {"Flatten", "GlobalAveragePool"}), (2, {"Relu", "Mul"})])
def test_the_branch_that_the_shape_takes_is_read(width: int, found: set[str]) -> None:
    body = f"{POOL} condition = Equal(width, wanted) {BRANCHES} y = Flatten(q)"
    reading = reading_of(model_of(SIGNATURE, body, **NUMBERS, wanted=np.int64(width)))
    assert found <= set(operators(reading.network))
    assert ("Relu" in operators(reading.network)) is (width == 2)


def test_a_branch_that_the_image_decides_is_refused() -> None:
    body = f"{POOL} condition = Greater(g, zero) {BRANCHES} y = Flatten(q)"
    with pytest.raises(UnreadableError, match=r"Node If .*: its condition depends on the image or on parameters"):
        read(model_of(SIGNATURE, body, **NUMBERS, zero=np.float32(0)), (3, 4, 4))


@pytest.mark.parametrize(
    "product",
    [
        "Gemm(low, high)",
        "Gemm<alpha=0.5, beta=2.0, transA=1, transB=1>(tall, wide, bias)",
        'Einsum<equation="ij,jk->ik">(low, high)',
    ],
)
def test_a_product_of_parameters_is_computed(product: str) -> None:
    """Such as the two small matrices of LoRA, which are added to a weight."""
    generator = np.random.default_rng(0)
    shapes = {"low": (3, 2), "high": (2, 5), "tall": (2, 3), "wide": (5, 2), "bias": (5,), "weight": (3, 5)}
    numbers = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    body = f"f = Flatten(x) more = {product} sum = Add(weight, more) y = MatMul(f, sum)"
    used = {name: numbers[name] for name in numbers if f"{name}," in body or f"{name})" in body}
    reading = reading_of(model_of("(float[N,3,1,1] x) => (float[N,5] y)", body, **used))
    assert set(operators(reading.network)) == {"Flatten", "Gemm"}
