from __future__ import annotations

import importlib.util
import types
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import LabelsError, MissingDependencyError
from resnet_export.labels import imagenet_labels, labels_of, read_labels

if TYPE_CHECKING:
    from collections.abc import Callable
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
        ("[" * 100_000, "it is nested too deeply"),
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


class TestImageNet:
    """`--labels imagenet`."""

    @pytest.fixture
    def only(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Lets no package be found but those given, as name=folder."""

        def hide(**folders: Path | str) -> None:
            def find(name: str) -> types.SimpleNamespace | None:
                folder = folders.get(name)
                return None if folder is None else types.SimpleNamespace(submodule_search_locations=[str(folder)])

            monkeypatch.setattr(importlib.util, "find_spec", find)

        return hide

    def test_the_names_that_torchvision_has(self, only: Callable[..., None]) -> None:
        found = importlib.util.find_spec("torchvision")
        if found is None or not found.submodule_search_locations:
            pytest.skip("torchvision is not installed: pip install --no-deps torchvision")
        only(torchvision=found.submodule_search_locations[0])
        labels = labels_of("imagenet", 1000)
        assert labels is not None
        assert len(labels) == 1000
        names = {0: "tench", 134: "crane bird", 517: "crane", 999: "toilet tissue"}
        assert {index: labels[index] for index in names} == names

    def test_it_is_not_there(self, only: Callable[..., None], tmp_path: Path) -> None:
        """Nor where a release has no such file."""
        for folders in ({}, {"torchvision": tmp_path}):
            only(**folders)
            with pytest.raises(MissingDependencyError, match="torchvision, which is not installed") as caught:
                imagenet_labels()
            assert caught.value.hint == "Install it with: pip install --no-deps torchvision"

    def test_another_number_of_classes(self) -> None:
        with pytest.raises(LabelsError, match="ImageNet has 1000 classes, and the network has 10"):
            labels_of("imagenet", 10)

    def test_a_file_of_that_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "imagenet").write_text("cat\ndog\n")
        monkeypatch.chdir(tmp_path)
        assert labels_of("imagenet", 2) == ("cat", "dog")
