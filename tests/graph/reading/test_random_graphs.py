"""Random graphs: what is read of one, and written of that, gives what ONNX Runtime makes of it, or is refused."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.reading.checking import check
from tests.graph.reading.random_operators import MORE_KINDS, NEWEST_KINDS

READ = {
    "a batch norm along another axis that is as long as the channels": 833,
    "the same behind a transpose": 1142,
    "the same behind a product of matrices": 1328,
    "a batch norm with a number for each channel in more axes than one": 53,
    "one that is folded into a convolution": 128,
    "one that is written as it stands": 544,
    "an Expand whose sum repeats nothing by itself": 716,
    "an Expand before a convolution": 1351,
    "a split into as many parts as it has outputs": 61,
    "a softmax of opset 12 over several axes": 13,
    "an average pooling in one or three dimensions": 144,
    "an average pooling with dilations": 457,
    "a HardSwish in a file of opset 13": 286,
    "an output with the name of a step": 1118,
    "a value that is given twice": 1446,
    "an output that is the image itself, which is left out": 247,
    "a sum of one channel with itself, which is no bias": 22733,
    "a sum that makes several channels of one, which is no bias": 4000942,
}
"""What went wrong once -> the seed of a graph that shows it."""
READ_OF_MORE_KINDS = {
    "a group norm of values that are far from 0, whose variance is a difference": 6010571,
    "the same of one group behind a tile": 6015652,
}
READ_OF_THE_NEWEST_KINDS = {
    "an equation of a value that a pad stands before": 212,
    "the same of two values": 227,
}
REFUSED = {"an output without the images on its first axis": 190}


@pytest.mark.parametrize("seed", READ.values(), ids=READ)
def test_what_went_wrong_once(seed: int) -> None:
    assert check(Random(seed)) == "read"


@pytest.mark.parametrize("seed", READ_OF_MORE_KINDS.values(), ids=READ_OF_MORE_KINDS)
def test_what_went_wrong_once_of_more_kinds(seed: int) -> None:
    assert check(Random(seed), MORE_KINDS) == "read"


@pytest.mark.parametrize("seed", READ_OF_THE_NEWEST_KINDS.values(), ids=READ_OF_THE_NEWEST_KINDS)
def test_what_went_wrong_once_of_the_newest_kinds(seed: int) -> None:
    assert check(Random(seed), NEWEST_KINDS) == "read"


@pytest.mark.parametrize("seed", REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_a_network(seed: int) -> None:
    assert check(Random(seed)).startswith("The output ")


@given(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_random_graphs(random: Random) -> None:
    check(random)


@given(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_random_graphs_of_more_kinds(random: Random) -> None:
    check(random, MORE_KINDS)


@given(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_random_graphs_of_the_newest_kinds(random: Random) -> None:
    check(random, NEWEST_KINDS)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 800, 200))
def test_many_random_graphs(start: int) -> None:
    refused = sum(check(Random(1_000_000 + start + seed)) != "read" for seed in range(200))
    assert refused < 10, "nearly all of them are read"


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 800, 200))
def test_many_random_graphs_of_more_kinds(start: int) -> None:
    refused = sum(check(Random(start + seed), MORE_KINDS) != "read" for seed in range(200))
    assert refused < 10, "nearly all of them are read"


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 800, 200))
def test_many_random_graphs_of_the_newest_kinds(start: int) -> None:
    refused = sum(check(Random(start + seed), NEWEST_KINDS) != "read" for seed in range(200))
    assert refused < 10, "nearly all of them are read"
