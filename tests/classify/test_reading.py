from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resnet_export.classify.reading import (
    activation_for,
    are_probabilities,
    scores_of,
    top_classes,
)
from resnet_export.classify.results import ClassProbability
from resnet_export.errors import ModelError
from resnet_export.graph.interface import Activation, Head
from resnet_export.parity.gate.evaluation import activate

LOGITS = arrays(np.float64, st.integers(1, 20), elements=st.floats(-700, 700))


@given(LOGITS)
def test_the_softmax_is_its_formula(logits: np.ndarray) -> None:
    powers = np.exp(logits - logits.max())
    np.testing.assert_allclose(activate(logits, "softmax"), powers / powers.sum(), rtol=1e-12, atol=1e-300)


@given(LOGITS)
def test_the_sigmoid_is_its_formula(logits: np.ndarray) -> None:
    np.testing.assert_allclose(activate(logits, "sigmoid"), 1 / (1 + np.exp(-logits)), rtol=1e-12)


@pytest.mark.parametrize(
    ("head", "classes", "from_logits", "expected"),
    [
        ("logits", 10, False, "softmax"),
        ("logits", 1, False, "sigmoid"),
        ("logits", 10, True, "softmax"),
        ("probabilities", 10, False, None),
        ("probabilities", 10, True, "softmax"),
        ("probabilities", 1, True, "sigmoid"),
        ("sigmoid", 10, False, None),
        ("sigmoid", 10, True, "sigmoid"),
    ],
)
def test_what_makes_probabilities(head: Head, classes: int, from_logits: bool, expected: Activation | None) -> None:
    assert activation_for(head, classes, from_logits=from_logits) == expected


@pytest.mark.parametrize("shape", [(10,), (10, 1, 1), (1, 1, 10)])
def test_scores_in_any_shape(shape: tuple[int, ...]) -> None:
    row = np.arange(10, dtype=np.float16).reshape(shape)
    found = scores_of(row, "net.onnx")
    assert found.dtype == np.float64
    assert found.tolist() == list(range(10))


def test_a_single_score() -> None:
    assert scores_of(np.asarray(np.float32(2)), "net.onnx").tolist() == [2.0]


@pytest.mark.parametrize(
    "row",
    [np.zeros((8, 2)), np.zeros(10, np.int64), np.zeros(0), np.zeros(3, np.uint8)],
    ids=lambda row: str(row.dtype),
)
def test_what_is_no_score(row: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"^net\.onnx gives no value for each class: its output for a picture is "):
        scores_of(row, "net.onnx")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.1, 0.9], True), ([0.1, 0.905], True), ([0.1, 0.95], False), ([-0.1, 1.1], False), ([1.0], False)],
)
def test_what_looks_like_probabilities(scores: list[float], expected: bool) -> None:
    assert are_probabilities(np.array(scores)) == expected


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)), st.integers(1, 40))
def test_the_top_is_sorted_and_complete(probabilities: np.ndarray, count: int) -> None:
    found = top_classes(probabilities, count)
    assert len(found) == min(count, len(probabilities))
    assert [one.probability for one in found] == sorted(probabilities, reverse=True)[:count]
    assert all(one.probability == probabilities[one.index] for one in found)
    assert len({one.index for one in found}) == len(found)


def test_of_two_that_are_alike_the_first_comes_first() -> None:
    assert top_classes(np.array([0.2, 0.4, 0.4]), 2, ("a", "b", "c")) == (
        ClassProbability(1, "b", 0.4),
        ClassProbability(2, "c", 0.4),
    )
