from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from resnet_export.deploy.golden import EXIF_ORIENTATION, MAX_PHOTOGRAPHS, is_lossless, write_golden
from resnet_export.errors import ImageError
from resnet_export.images import decode_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "golden"
    made.mkdir()
    return made


def test_they_have_what_decoders_get_wrong(folder: Path) -> None:
    names = write_golden(folder)
    assert len(names) >= 12
    with contextlib.ExitStack() as stack:
        _check({name: stack.enter_context(Image.open(folder / name)) for name in names})
    assert sum((folder / name).stat().st_size for name in names) < 1_000_000


def _check(opened: dict[str, Image.Image]) -> None:
    assert {picture.mode for picture in opened.values()} >= {"RGB", "L", "I;16", "P", "RGBA", "CMYK"}
    assert {picture.size for picture in opened.values()} >= {(1, 500), (31, 17), (4000, 3000)}
    assert {picture.getexif().get(EXIF_ORIENTATION) for picture in opened.values()} == {None, 5, 6}
    assert [name for name, picture in opened.items() if "transparency" in picture.info] == ["04-palette.png"]
    assert [name for name, picture in opened.items() if picture.info.get("progressive")] == ["13-progressive.jpg"]


def test_they_are_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    names = write_golden(folder)
    assert write_golden(again) == names
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_no_two_show_the_same(folder: Path) -> None:
    shown = {decode_picture(folder / name).resize((8, 8)).tobytes() for name in write_golden(folder)}
    assert len(shown) == 14


def test_photographs_take_part_and_large_ones_are_scaled_down(folder: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    Image.new("RGB", (30, 20), "red").save(album / "a.png")
    Image.new("RGB", (3000, 1500), "blue").save(album / "b.png")
    names = write_golden(folder, album)
    assert names[-2:] == ["15-a.png", "16-b.jpg"]
    assert (folder / "15-a.png").read_bytes() == (album / "a.png").read_bytes()
    with Image.open(folder / "16-b.jpg") as scaled:
        assert scaled.size == (1414, 707)
    assert [is_lossless(name) for name in ("01-colour.png", "08-colour.jpg", "15-a.png")] == [True, False, False]


def test_of_many_photographs_the_first_are_taken(folder: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for number in range(MAX_PHOTOGRAPHS + 1):
        Image.new("RGB", (8, 8)).save(album / f"{number:02}.png")
    assert len(write_golden(folder, album)) == 14 + MAX_PHOTOGRAPHS


def test_no_photographs_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="There is no folder"):
        write_golden(folder, tmp_path / "none")
