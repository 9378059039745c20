"""Lengths of axes, some of which are multiples of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.network.sizes import BATCH, Batch, broadcast, concrete, described, product

if TYPE_CHECKING:
    from resnet_export.network.sizes import Shape


@given(factor=st.integers(1, 50), other=st.integers(1, 50), batch=st.integers(1, 9))
def test_products_and_quotients_are_those_of_the_numbers(factor: int, other: int, batch: int) -> None:
    size = Batch(factor)
    assert size * other == other * size == Batch(factor * other)
    assert (size * other) // other == size
    assert (size * other) // size == other
    assert concrete((size * other, other), batch) == (factor * other * batch, other)


def test_what_is_no_multiple() -> None:
    with pytest.raises(ValueError, match="3 x batch is not divisible by 2"):
        _ = Batch(3) // 2
    with pytest.raises(ValueError, match="not divisible by 0"):
        _ = Batch(3) // 0
    with pytest.raises(ValueError, match="two lengths that both depend on the batch"):
        _ = BATCH * BATCH


def test_the_number_of_elements() -> None:
    assert product((BATCH, 3, 5)) == Batch(15)
    assert product((2, 3)) == 6
    assert product(()) == 1


sizes = st.sampled_from([1, 1, 2, 3])


@given(one=st.lists(sizes, max_size=4), other=st.lists(sizes, max_size=4))
def test_broadcasting_is_numpys(one: list[int], other: list[int]) -> None:
    try:
        expected = np.broadcast_shapes(tuple(one), tuple(other))
    except ValueError:
        with pytest.raises(ValueError, match="don't broadcast"):
            broadcast(tuple(one), tuple(other))
    else:
        assert broadcast(tuple(one), tuple(other)) == expected


@pytest.mark.parametrize(
    ("other", "expected"), [((), (BATCH, 3, 1)), ((3, 5), (BATCH, 3, 5)), ((BATCH, 1, 5), (BATCH, 3, 5))]
)
def test_the_batch_broadcasts_with_itself_and_with_1(other: Shape, expected: Shape) -> None:
    assert broadcast((BATCH, 3, 1), other) == expected


def test_the_batch_broadcasts_with_no_number() -> None:
    with pytest.raises(ValueError, match=r"\(batch, 3\) and \(2, 3\) don't broadcast"):
        broadcast((BATCH, 3), (2, 3))


def test_in_words() -> None:
    assert described((BATCH, 3, 224, 224)) == "(batch, 3, 224, 224)"
    assert described((Batch(4), 5)) == "(4 x batch, 5)"
