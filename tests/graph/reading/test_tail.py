"""Pooling, flattening and the classifier in every spelling are the same steps."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError

from .graphs import model_of, network_of, operators, structure

POOLED = "(float[N,3,4,5] x) => (float[A,B,C,D] y)"
FLAT = "(float[N,3,4,5] x) => (float[A,B] y)"


@pytest.mark.parametrize("axes", ["[2,3]", "[-2,-1]", "[3,2]", "[-1,2]"])
def test_a_mean_over_height_and_width_is_the_global_pool(axes: str) -> None:
    kept = network_of(POOLED, f"a = Constant<value_ints={axes}>() y = ReduceMean(x, a)")
    assert operators(kept) == ["GlobalAveragePool"]
    dropped = network_of(FLAT, f"a = Constant<value_ints={axes}>() y = ReduceMean<keepdims=0>(x, a)")
    assert operators(dropped) == ["GlobalAveragePool", "Flatten"]


def test_axes_as_an_attribute_as_until_opset_17() -> None:
    assert operators(network_of(POOLED, "y = ReduceMean<axes=[2,3]>(x)", opset=17)) == ["GlobalAveragePool"]


def test_an_average_pool_of_the_whole_image_is_the_global_pool() -> None:
    assert operators(network_of(POOLED, "y = AveragePool<kernel_shape=[4,5]>(x)")) == ["GlobalAveragePool"]
    other = network_of(POOLED, "y = AveragePool<kernel_shape=[4,5], pads=[0,0,1,0]>(x)")
    assert operators(other) == ["AveragePool"]


@pytest.mark.parametrize("axes", ["[1,2]", "[2]", "[1,2,3]"])
def test_other_means_stay(axes: str) -> None:
    network = network_of(POOLED, f"a = Constant<value_ints={axes}>() y = ReduceMean(x, a)")
    assert operators(network) == ["ReduceMean"]


@pytest.mark.parametrize(("op", "axes"), [("ReduceSum", "[2,3]"), ("ReduceMax", "[3]"), ("ReduceL2", "[1]")])
def test_other_reductions_lose_their_axes_by_a_reshape(op: str, axes: str) -> None:
    signature = FLAT if axes == "[2,3]" else "(float[N,3,4,5] x) => (float[A,B,C] y)"
    network = network_of(signature, f"a = Constant<value_ints={axes}>() y = {op}<keepdims=0>(x, a)")
    assert operators(network) == [op, "Flatten" if axes == "[2,3]" else "Reshape"]


@pytest.mark.parametrize("mean", ["a = Constant<value_ints=[0,1]>() y = ReduceMean(x, a)", "y = ReduceMean(x)"])
def test_a_mean_over_the_images_is_not_read(mean: str) -> None:
    with pytest.raises(UnreadableError, match="it goes over the images of the batch"):
        read(model_of(POOLED, mean), (3, 4, 5))


def test_a_mean_over_nothing_changes_nothing() -> None:
    for axes in ("y = ReduceMean<noop_with_empty_axes=1>(r)", "y = ReduceMean<noop_with_empty_axes=1>(r, a)"):
        body = f"a = Constant<value = int64[0] {{}}>() r = Relu(x) {axes}"
        assert operators(network_of(POOLED, body)) == ["Relu"]


@pytest.mark.parametrize("shape", ["[0,-1]", "[0,3]", "[-1,3]"])
def test_a_reshape_of_pooled_features_is_a_flattening(shape: str) -> None:
    network = network_of(FLAT, f"p = GlobalAveragePool(x) s = Constant<value_ints={shape}>() y = Reshape(p, s)")
    assert operators(network) == ["GlobalAveragePool", "Flatten"]
    assert network.steps[-1].attributes == {"axis": 1}


@pytest.mark.parametrize(
    "batch",
    [
        "b = Shape<start=0, end=1>(x)",
        "d = Shape(x) i = Constant<value_ints=[0]>() b = Gather(d, i)",
        "d = Shape(x) i = Constant<value_int=0>() g = Gather(d, i) a = Constant<value_ints=[0]>() b = Unsqueeze(g, a)",
        "d = Shape<start=0, end=1>(x) a = Constant<value_ints=[0]>() e = Squeeze(d, a) b = Unsqueeze(e, a)",
        "d = Shape<start=0, end=1>(x) o = Constant<value_ints=[-1]>() b = Reshape(d, o)",
        "d = Shape(x) f = Constant<value_ints=[0]>() t = Constant<value_ints=[1]>() b = Slice(d, f, t)",
        "d = Shape(x) c1 = Cast<to=6>(d) f = Constant<value_ints=[0]>() g = Gather(c1, f) b = Cast<to=7>(g)",
        "b = Constant<value_ints=[-1]>()",
    ],
    ids=["shape", "gather", "scalar", "squeeze", "reshape", "slice", "casts", "the rest"],
)
def test_a_reshape_to_the_size_of_the_batch(batch: str) -> None:
    body = f"p = GlobalAveragePool(x) {batch} c = Constant<value_ints=[3]>() s = Concat<axis=0>(b, c) y = Reshape(p, s)"
    assert operators(network_of(FLAT, body)) == ["GlobalAveragePool", "Flatten"]


def test_a_reshape_of_anything_else_is_a_flattening_too() -> None:
    network = network_of(FLAT, "r = Relu(x) s = Constant<value_ints=[0,-1]>() y = Reshape(r, s)")
    assert operators(network) == ["Relu", "Flatten"]


def test_other_reshapes_stay() -> None:
    signature = "(float[N,3,4,5] x) => (float[A,B,C] y)"
    network = network_of(signature, "r = Relu(x) s = Constant<value_ints=[0,0,-1]>() y = Reshape(r, s)")
    assert operators(network) == ["Relu", "Reshape"]
    assert network.steps[-1].attributes == {"shape": (0, 3, 20)}


@pytest.mark.parametrize(
    ("output", "shape"), [("float[A]", "[-1]"), ("float[A,B]", "[3,-1]"), ("float[A,B]", "[1,-1]")]
)
def test_a_reshape_that_moves_the_images_is_not_read(output: str, shape: str) -> None:
    model = model_of(f"(float[N,3,4,5] x) => ({output} y)", f"s = Constant<value_ints={shape}>() y = Reshape(x, s)")
    with pytest.raises(UnreadableError, match="it moves the images of the batch to another axis"):
        read(model, (3, 4, 5))


def test_a_reshape_to_the_number_of_images_that_a_file_is_fixed_to() -> None:
    body = "p = GlobalAveragePool(x) s = Constant<value_ints=[2,3]>() y = Reshape(p, s)"
    model = model_of("(float[2,3,4,5] x) => (float[2,3] y)", body)
    assert operators(read(model, (3, 4, 5), batch=2).network) == ["GlobalAveragePool", "Flatten"]


def test_a_squeeze_of_pooled_features_is_a_flattening() -> None:
    body = "p = GlobalAveragePool(x) a = Constant<value_ints=[2,3]>() y = Squeeze(p, a)"
    assert operators(network_of(FLAT, body)) == ["GlobalAveragePool", "Flatten"]
    assert operators(network_of(FLAT, "p = GlobalAveragePool(x) y = Squeeze(p)")) == ["GlobalAveragePool", "Flatten"]


def test_a_squeeze_of_one_axis_is_a_reshape() -> None:
    body = "p = GlobalAveragePool(x) a = Constant<value_ints=[2]>() y = Squeeze(p, a)"
    network = network_of("(float[N,3,4,5] x) => (float[A,B,C] y)", body)
    assert operators(network) == ["GlobalAveragePool", "Reshape"]
    assert network.steps[-1].attributes == {"shape": (0, 3, 1)}


def test_there_and_back_again() -> None:
    body = """p = GlobalAveragePool(x) a = Constant<value_ints=[2,3]>() s = Squeeze(p, a) u = Unsqueeze(s, a)
              y = Flatten(u)"""
    assert operators(network_of(FLAT, body))[0] == "GlobalAveragePool"


@pytest.mark.parametrize(("axis", "flatten"), [(1, "y = Flatten(x)"), (-3, "y = Flatten<axis=-3>(x)")])
def test_flatten(axis: int, flatten: str) -> None:
    network = network_of(FLAT, flatten)
    assert operators(network) == ["Flatten"]
    assert network.steps[0].attributes == {"axis": 1}


def test_a_flattening_of_what_is_flat_goes() -> None:
    assert operators(network_of(FLAT, "f = Flatten(x) g = Flatten(f) y = Relu(g)")) == ["Flatten", "Relu"]


GEMM = "(float[N,3,1,1] x, float[3,4] w, float[4] b) => (float[A,B] y)"
TURNED = "(float[N,3,1,1] x, float[4,3] w, float[4] b) => (float[A,B] y)"
CLASSIFIERS = [
    (GEMM, "f = Flatten(x) m = MatMul(f, w) y = Add(m, b)"),
    (GEMM, "f = Flatten(x) m = MatMul(f, w) y = Add(b, m)"),
    (GEMM, "f = Flatten(x) y = Gemm(f, w, b)"),
    (TURNED, "f = Flatten(x) y = Gemm<transB=1>(f, w, b)"),
    (TURNED, "f = Flatten(x) t = Transpose<perm=[1,0]>(w) m = MatMul(f, t) y = Add(m, b)"),
    (TURNED, "f = Flatten(x) t = Transpose(w) y = Gemm(f, t, b)"),
    (GEMM, "f = Flatten(x) t = Transpose<perm=[1,0]>(w) y = Gemm<transB=1>(f, t, b)"),
    (TURNED, "f = Flatten(x) t = Transpose(w) u = Transpose(t) y = Gemm<transB=1>(f, u, b)"),
]


@pytest.mark.parametrize(("signature", "body"), CLASSIFIERS)
def test_a_classifier(signature: str, body: str) -> None:
    network = network_of(signature, body)
    assert operators(network) == ["Flatten", "Gemm"]
    gemm = network.steps[-1]
    assert gemm.attributes == {"transB": 1}
    assert gemm.parameters == {"weight": (4, 3), "bias": (4,)}


def test_all_of_these_are_one_network() -> None:
    assert len({repr(structure(network_of(*classifier))) for classifier in CLASSIFIERS}) == 1


def test_a_classifier_without_a_bias() -> None:
    signature = "(float[N,3,1,1] x, float[3,4] w) => (float[A,B] y)"
    network = network_of(signature, "f = Flatten(x) y = MatMul(f, w)")
    assert network.steps[-1].parameters == {"weight": (4, 3)}


def test_a_bias_of_one_number_stands_for_all_outputs() -> None:
    signature = "(float[N,3,1,1] x, float[3,4] w, float[1] b) => (float[A,B] y)"
    network = network_of(signature, "f = Flatten(x) y = Gemm(f, w, b)")
    assert network.steps[-1].parameters == {"weight": (4, 3), "bias": (4,)}


@pytest.mark.parametrize(("options", "factors"), [("alpha=0.5", (0.5, 1.0)), ("beta=0.25", (1.0, 0.25))])
def test_the_factors_of_a_gemm_are_in_its_numbers(options: str, factors: tuple[float, float]) -> None:
    model = model_of(GEMM, f"f = Flatten(x) y = Gemm<{options}>(f, w, b)")
    numbers = {"w": np.ones((3, 4), np.float32), "b": np.ones(4, np.float32)}
    reading = read(model, (3, 1, 1), numbers)
    found = [reading.numbers[f"{reading.network.output}.{role}"] for role in ("weight", "bias")]
    assert [set(array.ravel().tolist()) for array in found] == [{factor} for factor in factors]


def test_a_sum_without_a_product_stays() -> None:
    network = network_of("(float[N,3,1,1] x, float[3] b) => (float[A,B] y)", "f = Flatten(x) y = Add(f, b)")
    assert operators(network) == ["Flatten", "Add"]
