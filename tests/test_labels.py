from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import LabelsError
from resnet_export.labels import labels_of, read_labels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("content", ["\ufeffa\nb\nc\n", "a\nb\nc\n\n \n", "a\r\nb\r\nc"])
def test_labels_as_editors_write_them(content: str, tmp_path: Path) -> None:
    """A byte order mark, empty lines at the end, line ends of Windows."""
    (tmp_path / "labels.txt").write_bytes(content.encode())
    assert read_labels(tmp_path / "labels.txt") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\n\nc\n", "has nothing in line 2"),
        ('{"1": "a"}', "its numbers are not 0, 1, 2 and so on"),
        ('{"a": "b"}', "has no class names"),
        ("[1, 2]", "it is no list of names"),
        ("[", "has no class names"),
    ],
)
def test_labels_that_are_no_list_of_lines(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(content)
    with pytest.raises(LabelsError, match=said):
        read_labels(tmp_path / "labels.txt")


@pytest.mark.parametrize(
    "content",
    ['["a", "b", "c"]', '{"0": "a", "2": "c", "1": "b"}', '{"model": 1, "id2label": {"0": "a", "1": "b", "2": "c"}}'],
)
def test_labels_in_json(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content)
    assert read_labels(tmp_path / "labels.json") == ("a", "b", "c")


def test_names_and_a_file_of_them_are_alike(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("cat\ndog\n")
    assert labels_of(path, 2) == labels_of(str(path), None) == labels_of(["cat", "dog"], 2) == ("cat", "dog")
    assert labels_of(None, 2) is None


def test_one_label_for_each_class(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("cat\ndog\n")
    with pytest.raises(LabelsError, match="has 2 lines, and the network has 3 classes"):
        labels_of(path, 3)
    with pytest.raises(LabelsError, match="2 labels were given, and the network has 1 classes"):
        labels_of(["cat", "dog"], 1)
