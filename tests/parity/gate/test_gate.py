"""The gate's arithmetic, at its edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.parity.gate.gate import FLOOR, compare, floor, max_error, top1

if TYPE_CHECKING:
    from resnet_export.parity.results import Comparison

TRUTH = np.array([[4.0, 1.0, -2.0], [0.5, 3.0, 1.0]])


def held(found: np.ndarray, other_error: float) -> Comparison:
    return compare("ort:cpu", "random", "logits", found, TRUTH, other_error)


def test_the_floor_is_8_units_of_rounding_of_the_largest_value() -> None:
    assert floor(TRUTH) == 8 * 2.0**-24 * 4.0 == FLOOR * 4.0


@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
@pytest.mark.parametrize("other_error", [0.0, 1e-3])
def test_the_bound_is_4_times_the_other_error_or_the_floor(other_error: float, share: float, passed: bool) -> None:
    bound = 4 * max(other_error, FLOOR * 4.0)
    found = TRUTH.copy()
    found[1, 2] += share * bound
    result = held(found, other_error)
    assert result.passed is passed
    assert result.bound == bound
    assert result.error == pytest.approx(share * bound)
    assert result.ratio == pytest.approx(share * 4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_never_passes(value: float) -> None:
    found = TRUTH.copy()
    found[0, 0] = value
    assert max_error(found, TRUTH) == np.inf
    assert not held(found, 1e30).passed


def test_another_shape_never_passes() -> None:
    assert not held(TRUTH[:, :2], 1e30).passed


def test_another_top1_within_the_bound_is_exempt_only_where_the_margin_is_small() -> None:
    truth = np.array([[1.0, 1.0 - 1e-6], [1.0, 0.0]])
    found = truth[:, ::-1]
    assert top1(found, truth, bound=1e-6) == (0, 1)
    assert top1(found, truth, bound=1e-7) == (0, 0)
    assert top1(truth, truth, bound=1e-7) == (2, 0)


def test_a_wide_bound_does_not_excuse_another_top1() -> None:
    found = TRUTH.copy()
    found[0] = [1.0, 4.0, -2.0]
    result = held(found, other_error=1.0)
    assert result.error <= result.bound
    assert (result.top1_agreed, result.top1_exempt, result.passed) == (1, 1, True)
    assert not held(found, other_error=0.3).passed


@pytest.mark.parametrize("shape", [(2, 0), (2, 0, 3)])
def test_an_output_without_elements_is_as_it_should_be(shape: tuple[int, ...]) -> None:
    empty = np.zeros(shape)
    assert (max_error(empty, empty), floor(empty)) == (0.0, 0.0)
    result = compare("ort:cpu", "random", "output", empty, empty, 0.0)
    assert (result.passed, result.error, result.mean_error, result.cosine) == (True, 0.0, 0.0, 1.0)
