from __future__ import annotations

import pytest

from resnet_export.graph.access import attribute
from resnet_export.graph.tail import CanonicalTail

from .rewrites import model_of, operators, rewritten

POOLED = "(float[2,3,4,5] x) => (float[A,B,C,D] y)"
FLAT = "(float[2,3,4,5] x) => (float[A,B] y)"


@pytest.mark.parametrize("axes", ["[2,3]", "[-2,-1]", "[3,2]", "[-1,2]"])
def test_a_mean_over_height_and_width_is_the_global_pool(axes: str) -> None:
    kept = model_of(POOLED, f"a = Constant<value_ints={axes}>() y = ReduceMean(x, a)")
    assert operators(rewritten(kept, CanonicalTail(), changes=True)) == ["GlobalAveragePool"]
    dropped = model_of(FLAT, f"a = Constant<value_ints={axes}>() y = ReduceMean<keepdims=0>(x, a)")
    assert operators(rewritten(dropped, CanonicalTail(), changes=True)) == ["GlobalAveragePool", "Flatten"]


def test_axes_as_an_attribute_as_until_opset_17() -> None:
    model = model_of(POOLED, "y = ReduceMean<axes=[2,3]>(x)", opset=17)
    assert operators(rewritten(model, CanonicalTail(), changes=True)) == ["GlobalAveragePool"]


@pytest.mark.parametrize("axes", ["[1,2]", "[2]", "[1,2,3]", "[0,1,2,3]"])
def test_other_means_stay(axes: str) -> None:
    model = model_of(POOLED, f"a = Constant<value_ints={axes}>() y = ReduceMean(x, a)")
    assert operators(rewritten(model, CanonicalTail(), changes=False)) == ["ReduceMean"]


@pytest.mark.parametrize("shape", ["[0,-1]", "[0,3]", "[-1,3]"])
def test_a_reshape_of_pooled_features_is_a_flattening(shape: str) -> None:
    model = model_of(FLAT, f"p = GlobalAveragePool(x) s = Constant<value_ints={shape}>() y = Reshape(p, s)")
    model = rewritten(model, CanonicalTail(), changes=True)
    assert operators(model) == ["GlobalAveragePool", "Flatten"]
    assert attribute(model.graph[-1], "axis") == 1


@pytest.mark.parametrize(
    "batch",
    [
        "b = Shape<start=0, end=1>(x)",
        "d = Shape(x) i = Constant<value_ints=[0]>() b = Gather(d, i)",
        "d = Shape<start=0, end=1>(x) a = Constant<value_ints=[0]>() e = Squeeze(d, a) b = Unsqueeze(e, a)",
        "d = Shape<start=0, end=1>(x) o = Constant<value_ints=[-1]>() b = Reshape(d, o)",
    ],
    ids=["shape", "gather", "squeeze", "reshape"],
)
def test_a_reshape_to_the_size_of_the_batch(batch: str) -> None:
    body = f"p = GlobalAveragePool(x) {batch} c = Constant<value_ints=[3]>() s = Concat<axis=0>(b, c) y = Reshape(p, s)"
    model = rewritten(model_of(FLAT, body), CanonicalTail(), changes=True)
    assert operators(model) == ["GlobalAveragePool", "Flatten"]


@pytest.mark.parametrize(
    ("output", "shape"),
    [
        ("float[A]", "[-1]"),
        ("float[A,B,C]", "[0,0,-1]"),
        ("float[A,B]", "[3,2]"),
    ],
)
def test_other_reshapes_stay(output: str, shape: str) -> None:
    signature = f"(float[2,3,4,5] x) => ({output} y)"
    model = model_of(signature, f"p = GlobalAveragePool(x) s = Constant<value_ints={shape}>() y = Reshape(p, s)")
    assert operators(rewritten(model, CanonicalTail(), changes=False)) == ["GlobalAveragePool", "Reshape"]


def test_a_reshape_to_another_entry_of_the_shape_stays() -> None:
    body = """p = GlobalAveragePool(x) d = Shape<start=1, end=2>(x) c = Constant<value_ints=[2]>()
              s = Concat<axis=0>(d, c) y = Reshape(p, s)"""
    model = rewritten(model_of(FLAT, body), CanonicalTail(), changes=False)
    assert operators(model)[-1] == "Reshape"


def test_a_reshape_of_anything_else_stays() -> None:
    model = model_of(FLAT, "r = Relu(x) s = Constant<value_ints=[0,-1]>() y = Reshape(r, s)")
    assert operators(rewritten(model, CanonicalTail(), changes=False)) == ["Relu", "Reshape"]


def test_a_squeeze_of_pooled_features_is_a_flattening() -> None:
    model = model_of(FLAT, "p = GlobalAveragePool(x) a = Constant<value_ints=[2,3]>() y = Squeeze(p, a)")
    assert operators(rewritten(model, CanonicalTail(), changes=True)) == ["GlobalAveragePool", "Flatten"]


@pytest.mark.parametrize(
    ("output", "squeeze"),
    [("float[2,3]", "y = Squeeze(p)"), ("float[2,3,1]", "a = Constant<value_ints=[2]>() y = Squeeze(p, a)")],
)
def test_other_squeezes_stay(output: str, squeeze: str) -> None:
    """Without axes, a batch of 1 would go too."""
    model = model_of(f"(float[2,3,4,5] x) => ({output} y)", f"p = GlobalAveragePool(x) {squeeze}")
    assert operators(rewritten(model, CanonicalTail(), changes=False)) == ["GlobalAveragePool", "Squeeze"]


@pytest.mark.parametrize("order", ["m, b", "b, m"])
def test_a_product_and_a_sum_are_a_gemm(order: str) -> None:
    signature = "(float[2,3] x, float[3,4] w, float[4] b) => (float[A,B] y)"
    model = rewritten(model_of(signature, f"m = MatMul(x, w) y = Add({order})"), CanonicalTail(), changes=True)
    assert operators(model) == ["Gemm"]
    assert attribute(model.graph[-1], "transB", 0) == 0


def test_a_transposed_weight_becomes_an_attribute() -> None:
    signature = "(float[2,3] x, float[4,3] w, float[4] b) => (float[A,B] y)"
    body = "t = Transpose<perm=[1,0]>(w) m = MatMul(x, t) y = Add(m, b)"
    model = rewritten(model_of(signature, body), CanonicalTail(), changes=True)
    assert operators(model) == ["Gemm"]
    assert attribute(model.graph[-1], "transB") == 1
    assert [value.name for value in model.graph[-1].inputs if value] == ["x", "w", "b"]


@pytest.mark.parametrize(("shape", "before", "after"), [("[4,3]", 0, 1), ("[3,4]", 1, 0)])
def test_a_gemm_takes_its_transposed_weight_upright(shape: str, before: int, after: int) -> None:
    signature = f"(float[2,3] x, float{shape} w, float[4] b) => (float[A,B] y)"
    model = model_of(signature, f"t = Transpose<perm=[1,0]>(w) y = Gemm<transB={before}>(x, t, b)")
    model = rewritten(model, CanonicalTail(), changes=True)
    assert operators(model) == ["Gemm"]
    assert attribute(model.graph[-1], "transB") == after


def test_a_gemm_that_is_upright_stays() -> None:
    signature = "(float[2,3] x, float[4,3] w, float[4] b) => (float[A,B] y)"
    assert operators(rewritten(model_of(signature, "y = Gemm<transB=1>(x, w, b)"), CanonicalTail(), changes=False)) == [
        "Gemm"
    ]


def test_a_sum_without_a_product_stays() -> None:
    signature = "(float[2,3] x, float[3] b) => (float[A,B] y)"
    assert operators(rewritten(model_of(signature, "y = Add(x, b)"), CanonicalTail(), changes=False)) == ["Add"]
