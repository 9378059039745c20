from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_export.classify.data import Dataset
from resnet_export.classify.matching import match_labels
from resnet_export.errors import LabelsError


def data(*classes: str) -> Dataset:
    return Dataset("val", ["a"] * len(classes), [(name,) for name in classes], [], tuple(sorted(classes)))


def numbered(*labels: int) -> Dataset:
    return Dataset("val.npz", ["a"] * len(labels), [(label,) for label in labels], [])


@pytest.mark.parametrize("folders", [("dog", "cat", "big bird"), ("Dog", "CAT", "Big_Bird"), ("dog", "big-bird")])
def test_by_name(folders: tuple[str, ...]) -> None:
    found = match_labels(data(*folders), ("dog", "Big bird", "cat"), 3, "net.onnx")
    assert found.how == "name"
    assert found.names == ("dog", "Big bird", "cat")
    assert [found.classes[name] for name in folders] == [{"d": 0, "b": 1, "c": 2}[name[0].lower()] for name in folders]


def test_the_exact_name_wins_over_one_that_is_alike() -> None:
    assert match_labels(data("a", "A"), ("A", "a"), 2, "net.onnx").classes == {"A": 0, "a": 1}


@pytest.mark.parametrize("labels", [None, ("dog", "cat", "bird")])
def test_by_number(labels: tuple[str, ...] | None) -> None:
    found = match_labels(data("0", "02", "1"), labels, 3, "net.onnx")
    assert (found.how, found.classes) == ("number", {"0": 0, "02": 2, "1": 1})
    assert found.names == (labels or ("0", "1", "2"))
    assert match_labels(numbered(2, 0), labels, 3, "net.onnx").classes == {2: 2, 0: 0}


@pytest.mark.parametrize("labels", [None, ("n01", "n02", "n03")])
def test_in_an_order_that_is_assumed(labels: tuple[str, ...] | None) -> None:
    found = match_labels(data("dog", "cat", "bird"), labels, 3, "net.onnx")
    assert (found.how, found.names) == ("order", ("bird", "cat", "dog"))
    assert found.classes == {"bird": 0, "cat": 1, "dog": 2}


class TestASingleOutput:
    def test_its_label_is_the_second_class(self) -> None:
        found = match_labels(data("cat", "dog"), ("Cat",), 1, "net.onnx")
        assert (found.how, found.names, found.classes) == ("name", ("dog", "Cat"), {"cat": 1, "dog": 0})

    def test_numbers(self) -> None:
        assert match_labels(numbered(0, 1), ("cat",), 1, "net.onnx").names == ("not cat", "cat")
        assert match_labels(numbered(0, 1), None, 1, "net.onnx").names == ("0", "1")

    def test_an_order(self) -> None:
        assert match_labels(data("cat", "dog"), None, 1, "net.onnx").how == "order"

    def test_three_classes_are_too_many(self) -> None:
        with pytest.raises(LabelsError, match=r"^val has 3 classes, net\.onnx has 2, and no names to match them by"):
            match_labels(data("cat", "dog", "bird"), None, 1, "net.onnx")


def test_a_picture_of_several() -> None:
    assert match_labels(data("a", "b"), ("b", "c", "a"), 3, "net.onnx").truth(("a", "b", "a")) == (0, 2)


@pytest.mark.parametrize(
    ("dataset", "labels", "message", "hint"),
    [
        (
            data("cat", "dgo"),
            ("dog", "cat"),
            "net.onnx has no class 'dgo', which val has.",
            "Did you mean dog? Its classes are 'dog', 'cat'. Rename those of the data, or give other names for the "
            "network's with --labels FILE.",
        ),
        (
            data("x", "y"),
            ("a", "b", "c"),
            "net.onnx has no class 'x', 'y', which val has.",
            "Its classes are 'a', 'b', 'c'. Rename those of the data, or give other names for the network's with "
            "--labels FILE.",
        ),
        (
            data("1", "2", "3"),
            ("0", "1", "2"),
            "net.onnx has no class '3', which val has.",
            "Its classes are 0 to 2: number the labels like that.",
        ),
        (
            data("0", "3"),
            None,
            "val has 2 classes, net.onnx has 3, and no names to match them by.",
            "Give the names of the network's classes with --labels FILE.",
        ),
        (
            numbered(0, 3),
            None,
            "val.npz has the label 3, and net.onnx has 3 classes: 0 to 2.",
            "Give the places of the classes in the output, counted from 0.",
        ),
        (
            replace(numbered(0, 1), columns=2),
            None,
            "The labels in val.npz are of 2 classes, and net.onnx has 3.",
            "Give 0 and 1 for each class of the network, (N, classes).",
        ),
        (
            numbered(-1),
            None,
            "val.npz has the label -1, and net.onnx has 3 classes: 0 to 2.",
            "Give the places of the classes in the output, counted from 0.",
        ),
    ],
)
def test_what_does_not_fit(dataset: Dataset, labels: tuple[str, ...] | None, message: str, hint: str) -> None:
    with pytest.raises(LabelsError) as caught:
        match_labels(dataset, labels, 3 if labels is None else len(labels), "net.onnx")
    assert (caught.value.message, caught.value.hint) == (message, hint)
