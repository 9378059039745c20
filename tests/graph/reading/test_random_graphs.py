"""Random graphs: what is read of one, and written of that, gives what ONNX Runtime makes of the graph, or is refused."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.reading.checking import check

FOUND = {
    "a sum of one channel with itself, which is no bias": 22733,
}
"""What went wrong once -> the seed of a graph that shows it."""


@pytest.mark.parametrize("seed", FOUND.values(), ids=FOUND)
def test_what_went_wrong_once(seed: int) -> None:
    assert check(Random(seed)) == "read"


@given(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_random_graphs(random: Random) -> None:
    check(random)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 4000, 1000))
def test_many_random_graphs(start: int) -> None:
    refused = sum(check(Random(1_000_000 + start + seed)) != "read" for seed in range(1000))
    assert refused < 50, "nearly all of them are read"
