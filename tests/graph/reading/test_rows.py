"""Dense layers of values with more than one axis, as converters write them: a matrix of the places of all images."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError

from .graphs import model_of, network_of, operators
from .test_moves import assert_read

MAP = "(float[N,3,6,5] x, float[5,4] w, float[4] b) => (float[A,B,C,D] y)"
BACK = "back = Constant<value_ints=[-1,3,6,4]>() y = Reshape(z, back)"
MATRIX = "rows = Constant<value_ints=[-1,5]>() m = Reshape(x, rows)"


@pytest.mark.parametrize(
    ("product", "steps"),
    [
        ("z = MatMul(m, w)", ["MatMul"]),
        ("p = MatMul(m, w) z = Add(p, b)", ["MatMul", "Add"]),
        ("p = MatMul(m, w) s = Add(b, p) r = Relu(s) z = Mul(r, s)", ["MatMul", "Add", "Relu", "Mul"]),
        ("z = Gemm(m, w, b)", ["MatMul", "Add"]),
        ("z = Gemm<alpha=2.0, beta=0.5>(m, w, b)", ["MatMul", "Add"]),
        ("p = MatMul(m, w) z = Gelu(p)", None),
    ],
)
def test_a_dense_layer_of_the_last_axis(product: str, steps: list[str] | None) -> None:
    network = network_of(MAP, f"{MATRIX} {product} {BACK}", opset=20)
    assert steps in (None, operators(network))
    assert "Reshape" not in operators(network)


def test_what_is_permuted_before_and_after() -> None:
    body = """t = Transpose<perm=[0,2,3,1]>(x) rows = Constant<value_ints=[-1,3]>() m = Reshape(t, rows) z = Relu(m)
              d = Shape(t) u = Reshape(z, d) y = Transpose<perm=[0,3,1,2]>(u)"""
    assert_read("(float[N,3,6,5] x) => (float[A,B,C,D] y)", body)


def test_a_matrix_becomes_any_shape_that_keeps_the_images() -> None:
    body = (
        f"{MATRIX} s = Constant<value_ints=[0,90]>() r = Relu(m) t = Constant<value_ints=[-1,90]>() y = Reshape(r, t)"
    )
    assert operators(network_of("(float[N,3,6,5] x) => (float[A,B] y)", body)) == ["Relu", "Flatten"]


def test_a_file_that_is_fixed_to_a_number_of_images() -> None:
    body = """rows = Constant<value_ints=[36,5]>() m = Reshape(x, rows) z = MatMul(m, w)
               back = Constant<value_ints=[2,3,6,4]>() y = Reshape(z, back)"""
    numbers = {"w": np.arange(20, dtype=np.float32).reshape(5, 4)}
    assert_read("(float[2,3,6,5] x) => (float[2,3,6,4] y)", body, 2, **numbers)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{MATRIX} z = Softmax<axis=0>(m) {BACK}", "it moves the images of the batch to another axis"),
        (f"{MATRIX} z = Transpose(m) {BACK}", "it moves the images of the batch to another axis"),
        (f"{MATRIX} z = Add(m, c) {BACK}", "it moves the images of the batch to another axis"),
        (f"{MATRIX} z = MatMul(v, m) {BACK}", "where a number is expected"),
        (f"{MATRIX} z = MatMul(m, m) {BACK}", "where a number is expected"),
    ],
)
def test_what_does_not_do_the_same_to_every_row_is_not_read(body: str, reason: str) -> None:
    signature = "(float[N,3,6,5] x) => (float[A,B,C,D] y)"
    with pytest.raises(UnreadableError, match=reason):
        read(model_of(signature, body, c=np.ones((36, 5), np.float32), v=np.ones((36, 36), np.float32)), (3, 6, 5))


def test_an_output_of_places_is_not_read() -> None:
    with pytest.raises(UnreadableError, match=r"The output y has the shape \(18 x batch, 5\)"):
        read(model_of("(float[N,3,6,5] x) => (float[A,5] y)", f"{MATRIX} y = Relu(m)"), (3, 6, 5))
