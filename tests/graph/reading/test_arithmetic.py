"""Operators on numbers alone, as ONNX defines them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.arithmetic import ARITHMETIC, decimal
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.sizes import Batch

from .checking import run
from .graphs import model_of

INT64 = np.int64


@pytest.mark.parametrize("meant", [1e-5, 1e-3, 1.001e-5, 2e-5, 1e-12, 1 / 6, 0.2])
def test_a_number_that_passed_through_float32_is_the_one_that_was_meant(meant: float) -> None:
    assert decimal(float(np.float32(meant))) == decimal(meant) == meant


def test_whole_numbers_are_divided_towards_zero() -> None:
    left, right = np.array([7, -7, 7, -7, 0]), np.array([2, 2, -2, -2, -3])
    found = ARITHMETIC["Div"](left, right)
    assert found.tolist() == [3, -3, -3, 3, 0]
    assert found.dtype == INT64
    assert ARITHMETIC["Div"](np.array([200], np.uint8), np.array([3], np.uint8)).tolist() == [66]


def test_a_length_that_depends_on_the_batch_is_divided_as_it_is() -> None:
    assert ARITHMETIC["Div"](np.array([Batch(6)], object), np.array([2])).tolist() == [Batch(3)]


@pytest.mark.parametrize(
    ("start", "end", "step", "expected"),
    [(0, -9, 1, []), (2, -9, -1, [2, 1, 0]), (0, -1, 1, [0, 1, 2]), (3, -9, -2, [3, 1])],
)
def test_a_slice(start: int, end: int, step: int, expected: list[int]) -> None:
    bounds = [np.array([value], INT64) for value in (start, end, 0, step)]
    assert ARITHMETIC["Slice"](np.arange(4), *bounds).tolist() == expected


@pytest.mark.parametrize(
    "op",
    [
        "Softmax<axis=0>",
        "Softmax",
        "LogSoftmax",
        "Softplus",
        "Erf",
        "HardSigmoid",
        "Elu",
        "LeakyRelu<alpha=0.3>",
        "Sin",
    ],
)
def test_what_is_made_of_parameters_alone(op: str) -> None:
    numbers: dict[str, Any] = {"v": np.random.default_rng(1).standard_normal((3, 1, 4)).astype(np.float32)}
    model = model_of("(float[N,3,4,4] x) => (float[N,3,4,4] y)", f"a = {op}(v) y = Mul(x, a)", **numbers)
    images = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)
    (expected,) = run(ir.to_proto(model), images)
    reading = read(model, (3, 4, 4))
    (found,) = outputs_of(reading.network, reading.numbers, images, reading.network.outputs)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_softmax_of_numbers_goes_along_one_axis_since_opset_13_alone() -> None:
    numbers = {"v": np.ones((3, 1, 4), np.float32)}
    body = "a = Softmax<axis=1>(v) y = Mul(x, a)"
    with pytest.raises(UnreadableError, match="in opset 11, it is not read where it takes numbers alone"):
        read(model_of("(float[N,3,4,4] x) => (float[N,3,4,4] y)", body, 11, **numbers), (3, 4, 4))


@pytest.mark.parametrize(
    "first",
    ["Mul(places, three)", "Div(places, three)", "Equal(places, zero)", "Less(places, three)", "Gather(table, places)"],
)
def test_what_is_computed_of_the_places_of_the_images_is_refused_at_any_size(first: str) -> None:
    """As `as_strided` is exported: a file for any batch, which no reading at a batch of 1 may call wrong."""
    body = f"""sizes = Shape(x) images = Gather(sizes, zero) places = Range(zero, images, one) first = {first}
        index = Cast<to=7>(first) flat = Reshape(x, all) y = Gather(flat, index)"""
    numbers = {"zero": np.int64(0), "one": np.int64(1), "all": np.array([-1])}
    numbers |= {name: array for name, array in {"three": np.int64(3), "table": np.arange(9)}.items() if name in first}
    op = first.partition("(")[0]
    with pytest.raises(UnreadableError, match=rf"Node {op} .*: it counts the images of the batch") as caught:
        read(model_of("(float[N,3,1,1] x) => (float[N] y)", body, **numbers), (3, 1, 1))
    assert caught.value.at_any_size
