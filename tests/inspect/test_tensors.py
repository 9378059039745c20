from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.inspect.tensors import compare

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def distance(first: Any, second: Any) -> Any:
    return compare("a", np.asarray(first), "b", np.asarray(second))


@given(FINITE, st.integers(1, 5))
def test_steps_to_a_neighbour(value: float, steps: int) -> None:
    start = other = np.float32(value)
    with np.errstate(all="ignore"):  # NumPy warns of the step to infinity, and of those among the least numbers
        for _ in range(steps):
            other = np.nextafter(other, np.float32(math.inf))
    if not np.isfinite(other):
        return
    found = distance([start], [other])
    assert found.max_ulp == steps
    assert distance([other], [start]).max_ulp == steps


def test_across_zero() -> None:
    least = np.nextafter(np.float32(0), np.float32(1))
    assert distance([-least], [least]).max_ulp == 2
    zeros = distance(np.float32([0.0]), np.float32([-0.0]))
    assert (zeros.differing, zeros.max_ulp, zeros.max_difference) == (1, 0, 0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_every_floating_type(dtype: Any) -> None:
    spacing = 2.0 ** -ml_dtypes.finfo(dtype).nmant
    found = distance(np.array([1.0, 0.5], dtype), np.array([1.0 + spacing, 0.5], dtype))
    assert (found.max_ulp, found.max_ulp_of_largest, found.differing, found.size) == (1, 1, 1, 2)


def test_of_the_largest() -> None:
    first, second = np.float32([8, 1]), np.float32([8, 1 + 2**-20])
    found = distance(first, second)
    assert (found.max_ulp, found.max_ulp_of_largest) == (8, 1)
    assert np.spacing(np.float32(8)) == 2**-20


def test_the_same() -> None:
    assert distance(np.float32([1, math.nan]), np.float32([1, math.nan])) is None


@pytest.mark.parametrize("other", [math.nan, math.inf])
def test_what_is_no_number_is_infinitely_far(other: float) -> None:
    found = distance(np.float32([1]), np.float32([other]))
    assert found.max_ulp == found.max_difference == found.max_ulp_of_largest == math.inf


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, ml_dtypes.int4])
def test_whole_numbers_count_in_ones(dtype: Any) -> None:
    found = distance(np.array([1, 2], dtype), np.array([1, 5], dtype))
    assert (found.max_difference, found.max_ulp, found.differing) == (3, 3, 1)


@pytest.mark.parametrize("other", [np.zeros((2, 1), np.float32), np.zeros(2, np.float16)])
def test_other_shapes_and_types_have_no_distance(other: Any) -> None:
    found = distance(np.zeros(2, np.float32), other)
    assert (found.differing, found.max_ulp) == (None, None)
    assert found.shapes == ((2,), other.shape)
