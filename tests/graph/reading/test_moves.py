"""What only orders, cuts, joins and repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network.evaluation import outputs_of

from .checking import run
from .graphs import model_of, network_of, operators

MAP = "(float[N,3,6,5] x) => (float[A,B,C,D] y)"


def assert_read(signature: str, body: str, batch: int | None = None, **numbers: Any) -> None:
    """What is read is what ONNX Runtime computes."""
    model = model_of(signature, body, **numbers)
    images = np.random.default_rng(0).standard_normal((batch or 2, 3, 6, 5)).astype(np.float32)
    (expected,) = run(ir.to_proto(model), images)
    reading = read(model, (3, 6, 5), batch=batch)
    (found,) = outputs_of(reading.network, reading.numbers, images, reading.network.outputs)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("starts", "ends", "steps"),
    [([0, 0, 0, 0], [9, 3, 6, 5], [1, 2, 3, 1]), ([0, -1, -1], [9, -9, -9], [1, -1, -2])],
)
def test_a_slice_with_steps_and_without_axes(starts: list[int], ends: list[int], steps: list[int]) -> None:
    numbers = {"s": np.array(starts), "e": np.array([2**60, *ends[1:]]), "t": np.array(steps)}
    assert_read(MAP, "y = Slice(x, s, e, , t)", **numbers)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_flattening_of_what_is_seen_through_a_permutation(axis: int) -> None:
    """Lengths of 1 may be anywhere in the step's own order."""
    body = f"p = GlobalAveragePool(x) t = Transpose<perm=[0,2,3,1]>(p) y = Flatten<axis={axis}>(t)"
    assert_read("(float[N,3,6,5] x) => (float[A,B] y)", body)


def test_an_expansion_to_the_number_of_images_that_a_file_is_fixed_to() -> None:
    body = "p = GlobalAveragePool(x) e = Expand(p, to) y = Add(e, x)"
    numbers = {"to": np.array([2, 3, 6, 5])}
    assert_read("(float[2,3,6,5] x) => (float[2,3,6,5] y)", body, 2, **numbers)
    with pytest.raises(UnreadableError, match="it repeats the images of the batch"):
        read(model_of(MAP, body, **numbers), (3, 6, 5))


def test_a_number_of_images_that_is_fixed_in_a_graph_for_any() -> None:
    body = "p = GlobalAveragePool(x) s = Constant<value_ints=[1,3]>() y = Reshape(p, s)"
    model = model_of("(float[N,3,6,5] x) => (float[A,B] y)", body)
    with pytest.raises(UnreadableError, match=r"1 is fixed in the graph .* of \(batch, 3, 1, 1\) to \(1, 3\)"):
        read(model, (3, 6, 5))


@pytest.mark.parametrize("op", ["Max", "Min", "Sum", "Mean"])
def test_numbers_before_the_value_of_the_image(op: str) -> None:
    numbers = {"v": np.full(5, 0.1, np.float32), "w": np.full(1, -0.2, np.float32)}
    assert_read(MAP, f"y = {op}(v, w, x)", **numbers)


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_the_extreme_of_numbers_of_different_shapes(op: str) -> None:
    numbers = {"v": np.arange(5, dtype=np.float32), "w": np.arange(6, dtype=np.float32).reshape(6, 1)}
    assert_read(MAP, f"m = {op}(v, w) y = Add(x, m)", **numbers)


def test_a_gemm_with_a_number_for_each_image_is_not_read() -> None:
    signature = "(float[2,3,1,1] x, float[4,3] w, float[2,1] c) => (float[A,B] y)"
    numbers = {"w": np.ones((4, 3), np.float32), "c": np.ones((2, 1), np.float32)}
    with pytest.raises(UnreadableError, match="it adds another number to each image"):
        read(model_of(signature, "f = Flatten(x) y = Gemm<transB=1>(f, w, c)"), (3, 1, 1), numbers, batch=2)
    square = "(float[N,3,1,1] x, float[2,3] w, float[2,1] c) => (float[A,B] y)"
    numbers["w"] = numbers["w"][:2]
    with pytest.raises(UnreadableError, match="it adds another number to each image"):
        read(model_of(square, "f = Flatten(x) y = Gemm<transB=1>(f, w, c)"), (3, 1, 1), numbers)


@pytest.mark.parametrize("shape", ["1", "2", "1,2", "1,1"])
def test_a_gemm_with_one_row_of_numbers(shape: str) -> None:
    signature = f"(float[N,3,1,1] x, float[2,3] w, float[{shape}] c) => (float[A,B] y)"
    assert operators(network_of(signature, "f = Flatten(x) y = Gemm<transB=1>(f, w, c)")) == ["Flatten", "Gemm"]


class TestWriting:
    """Into slices of a value, as PyTorch writes `x[:, :2] = y`."""

    @pytest.mark.parametrize("turned", [[1, 0, 2, 3], [2, 3, 0, 1]])
    @pytest.mark.parametrize("zeros", [False, True])
    def test_some_slices_of_an_axis(self, turned: list[int], zeros: bool) -> None:
        """Of a value and of zeros, which have one image in a graph."""
        back = np.argsort(turned).tolist()
        start = "Sub(x, x)" if zeros else "Sigmoid(x)"
        body = f"""f = {start} t = Transpose<perm={turned}>(f) n = Neg(x) u = Transpose<perm={turned}>(n)
            w = Slice(u, from, to) s = ScatterND(t, at, w) y = Transpose<perm={back}>(s)"""
        assert_read(MAP, body, at=np.array([[2], [0]]), **{"from": np.array([1]), "to": np.array([3])})

    def test_a_number_in_which_values_of_the_image_are_written(self) -> None:
        body = """d = Shape(x) z = ConstantOfShape(d) t = Transpose<perm=[1,0,2,3]>(z) u = Transpose<perm=[1,0,2,3]>(x)
            w = Slice(u, from, to) s = ScatterND(t, at, w) y = Transpose<perm=[1,0,2,3]>(s)"""
        assert_read(MAP, body, at=np.array([[2], [0]]), **{"from": np.array([1]), "to": np.array([3])})

    def test_all_slices_are_the_other_value(self) -> None:
        """Those of the images too, however many they are."""
        body = """d = Shape<end=1>(x) i = Constant<value_int=0>() b = Gather(d, i) o = Constant<value_int=1>()
            r = Range(i, b, o) e = Constant<value_ints=[-1]>() p = Unsqueeze(r, e) n = Neg(x) s = ScatterND(x, p, n)
            t = Transpose<perm=[1,0,2,3]>(s) m = Exp(t) v = ScatterND(t, every, m) y = Transpose<perm=[1,0,2,3]>(v)"""
        assert_read(MAP, body, every=np.array([[0], [1], [2]]))
        reading = read(model_of(MAP, body, every=np.array([[0], [1], [2]])), (3, 6, 5))
        assert operators(reading.network) == ["Neg", "Exp"]

    @pytest.mark.parametrize("points", [[[0, 1]], [[0]]])
    def test_points_and_single_images_are_refused(self, points: list[list[int]]) -> None:
        model = model_of(MAP, "w = Slice(x, from, to) y = ScatterND(x, at, w)", at=np.array(points),
                         **{"from": np.array([0]), "to": np.array([1])})  # fmt: skip
        with pytest.raises(UnreadableError, match=r"Node (Slice w|ScatterND y): it (cuts|writes)"):
            read(model, (3, 6, 5))


def test_outputs_that_are_stacked_before_the_images() -> None:
    body = """a = Constant<value_ints=[0]>() n = Neg(x) u = Unsqueeze(x, a) v = Unsqueeze(n, a)
        c = Concat<axis=0>(u, v, u) y = ReduceMean<keepdims=0>(c, a)"""
    assert_read(MAP, body)


def test_a_matrix_of_indices_into_an_axis_that_is_seen_elsewhere() -> None:
    body = "t = Transpose<perm=[3,0,2,1]>(x) g = Gather<axis=2>(t, at) y = Transpose<perm=[1,4,0,2,3]>(g)"
    assert_read("(float[N,3,6,5] x) => (float[A,B,C,D,E] y)", body, at=np.array([[0, 1, 2], [3, 3, 5]]))


@pytest.mark.parametrize("equation", ["nchw,nkhw->nck", "nchw,nchw->nhwc", "nchw,nchw->nc", "nchw,nchv->nhwcv"])
def test_a_product_of_two_values_by_an_equation(equation: str) -> None:
    output = "ABCDE"[: len(equation.partition(">")[2])]
    body = f'n = Neg(x) y = Einsum<equation="{equation}">(x, n)'
    assert_read(f"(float[N,3,6,5] x) => (float[{','.join(output)}] y)", body)


@pytest.mark.parametrize("equation", ["nchw,mchw->nm", "...hw,...hw->...hw", "nchw,nchh->nchw"])
def test_an_equation_that_is_no_product(equation: str) -> None:
    model = model_of("(float[N,3,6,5] x) => (float y)", f'y = Einsum<equation="{equation}">(x, x)')
    with pytest.raises(UnreadableError, match=r"Node Einsum y: "):
        read(model, (3, 6, 5))
