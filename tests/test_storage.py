from __future__ import annotations

import os
from pathlib import Path

import pytest

from resnet_export import storage
from resnet_export.errors import UnavailableError, UsageError
from resnet_export.storage import Folder, beside, entries, grouped, kind_of, name_of, open_file, place_of


@pytest.fixture(params=["here", "elsewhere"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A folder, by its path and by its address."""
    folder = tmp_path / "a folder #1"
    folder.mkdir()
    return str(folder) if request.param == "here" else folder.as_uri()


def test_a_folder_that_is_written_to(root: str, tmp_path: Path) -> None:
    folder = Folder(beside(f"{root}/x", "inner 50%?"))
    assert folder.names() == []
    folder.create()
    folder.create()
    assert folder.read("one.txt") is None
    folder.write("one.txt", b"one")
    folder.write("two & 3%.txt", b"two")
    folder.write("one.txt", b"another")
    assert (tmp_path / "a folder #1" / "inner 50%?" / "one.txt").read_bytes() == b"another"
    assert folder.read("two & 3%.txt") == b"two"
    assert folder.names() == ["one.txt", "two & 3%.txt"]
    folder.delete("one.txt")
    folder.delete("one.txt")
    assert folder.names() == ["two & 3%.txt"]


def test_what_is_there(root: str, tmp_path: Path) -> None:
    (tmp_path / "a folder #1" / "b ü.jpg").write_bytes(b"12345")
    (tmp_path / "a folder #1" / "a").mkdir()
    found = list(entries(root))
    assert [(Path(place_of(name_of(one.place))).name, one.is_folder) for one in found] == [
        ("a", True),
        ("b ü.jpg", False),
    ]
    assert found[1].size == 5
    assert found[1].modified == (tmp_path / "a folder #1" / "b ü.jpg").stat().st_mtime_ns
    assert [kind_of(one.place) for one in found] == ["folder", "file"]
    assert kind_of(f"{root}/none") is None
    with open_file(found[1].place) as file:
        assert file.read() == b"12345"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (str(tmp_path / "file" / "folder"), (tmp_path / "file" / "folder").as_uri()):
        with pytest.raises(UnavailableError, match="file/folder cannot be written"):
            Folder(place).create()


def test_file_systems_that_there_are_not() -> None:
    with pytest.raises(UsageError, match="nowhere://bucket/key is in no file system that pyarrow has") as caught:
        kind_of("nowhere://bucket/key?secret=1")
    assert caught.value.hint == "Give a path, s3:// or gs://."
    assert "secret" not in caught.value.message


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    assert name_of(path) == f"{tmp_path.as_uri()}/caf%E9.jpg"
    assert place_of(name_of(path)) == path
    assert name_of("s3://bucket/a%20b.jpg?region=x") == "s3://bucket/a b.jpg"
    assert place_of("s3://bucket/a b.jpg") == "s3://bucket/a%20b.jpg"
    assert name_of("photos/a b.jpg") == place_of("photos/a b.jpg") == "photos/a b.jpg"


def test_what_a_list_names() -> None:
    assert beside("lists/one.txt", "photos/../a.jpg") == str(Path("lists/photos/../a.jpg"))  # photos may be a link
    assert beside("lists/one.txt", "/photos/a.jpg") == "/photos/a.jpg"
    assert beside("lists/one.txt", "s3://bucket/a.jpg") == "s3://bucket/a.jpg"
    assert beside("s3://bucket/lists/one.txt?region=x", "a b.jpg") == "s3://bucket/lists/a%20b.jpg?region=x"


def test_a_folder_of_many_is_sorted_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SORTED", 3)
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(b"")
    found = [entry.place for entry in entries(str(tmp_path))]
    assert sorted(found) == [str(tmp_path / f"{number}") for number in range(10)]
    assert all(list(some) == sorted(some) for some in grouped(found, 3))
