"""Ranks, ties and labels as a naive count has them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resnet_export.classify.judge import _one, _several
from resnet_export.classify.reading import top_classes

SHARES = arrays(np.float64, st.integers(2, 12), elements=st.integers(0, 8).map(lambda n: n / 8))


@given(SHARES, st.data())
def test_the_rank_is_the_place_among_the_most_probable(probabilities: np.ndarray, data: st.DataObject) -> None:
    """Also where several are alike: `evaluate` and `predict` give the same class."""
    truth = data.draw(st.integers(0, len(probabilities) - 1))
    order = [one.index for one in top_classes(probabilities, len(probabilities))]
    found = _one(probabilities, truth)
    assert found.rank == order.index(truth) + 1
    assert found.classes == (order[0],)
    assert found.right is (order[0] == truth)
    assert (found.probability, found.truth_probability) == (probabilities[order[0]], probabilities[truth])


@given(SHARES, st.data())
def test_several_labels_are_right_together(probabilities: np.ndarray, data: st.DataObject) -> None:
    truth = tuple(at for at in range(len(probabilities)) if data.draw(st.booleans()))
    found = _several(probabilities, truth)
    assert found.classes == tuple(at for at, one in enumerate(probabilities) if one > 0.5)
    assert found.right is (found.classes == truth)
    assert found.truth_probability == min(one if at in truth else 1 - one for at, one in enumerate(probabilities))
