from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PIL import Image

from resnet_export.classify import decoder
from resnet_export.classify.decoder import Recipe, Source, decode, decode_all
from resnet_export.images import Preprocessing, decode_picture, prepare
from tests.score.pictures import claims, draw, folder_of, frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.classify.decoder import Decoded

RECIPE = Recipe(Preprocessing(37, 32, (0.0,) * 3, (1.0,) * 3))


def read(content: bytes, recipe: Recipe = RECIPE) -> Decoded:
    return decode(io.BytesIO(content), recipe)


@pytest.fixture
def jpeg(tmp_path: Path) -> bytes:
    return draw(tmp_path / "one.jpg", 0, (480, 400)).read_bytes()


def test_the_pixels_are_those_of_predict(tmp_path: Path) -> None:
    path = draw(tmp_path / "one.jpg", 0)
    found = read(path.read_bytes())
    assert np.array_equal(found.pixels, prepare(decode_picture(path), RECIPE.preprocessing))
    assert found[1:] == (48, 40, 1, None, None)


def test_a_picture_as_it_is(tmp_path: Path) -> None:
    found = read(draw(tmp_path / "one.png", 0).read_bytes(), RECIPE._replace(prepared=False))
    assert found.pixels is not None
    assert found.pixels.shape == (40, 48, 3)


def test_the_size_is_that_of_the_upright_picture() -> None:
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (50, 40)).save(content, "JPEG", exif=exif)
    assert read(content.getvalue())[1:3] == (40, 50)


def test_scaled_decoding_is_near_the_exact_one_and_says_the_same_size(jpeg: bytes) -> None:
    exact, scaled = read(jpeg), read(jpeg, RECIPE._replace(fast=True))
    assert exact.pixels is not None
    assert scaled.pixels is not None
    assert scaled[1:] == exact[1:] == (480, 400, 1, None, None)
    distance = np.abs(exact.pixels.astype(int) - scaled.pixels)
    assert 0 < distance.mean() < 3  # smooth colours: libjpeg's scaling is a box filter, ours a triangle


def test_the_first_of_several_frames_is_taken(tmp_path: Path) -> None:
    found = read(frames(tmp_path / "several.gif", 3).read_bytes())
    assert found.frames == 3
    assert found.pixels is not None
    assert np.ptp(found.pixels) == 0
    assert found.pixels[0, 0, 0] == 30


def narrow() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (200_000, 1)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("damage", "reason", "words"),
    [
        (lambda jpeg: b"", "empty", "the file has no bytes"),
        (lambda jpeg: b"no picture", "not a picture", "cannot identify image file"),
        (lambda jpeg: jpeg[: len(jpeg) // 2], "truncated", "truncated"),
        (lambda jpeg: claims(60_000, 60_000), "too large", "3600000000 pixels"),
        (lambda jpeg: narrow(), "too large", "A picture of 1 x 200000 pixels would have 37 x 7400000 after the resize"),
        (lambda jpeg: claims(40, 40).replace(b"x\x9c", b"xx"), "damaged", "broken data stream"),
        (lambda jpeg: struct.pack(">I", 24) + b"ftypheic" + bytes(12), "not a picture", "heic, which Pillow lacks"),
    ],
)
def test_reasons(damage: Callable[[bytes], bytes], reason: str, words: str, jpeg: bytes) -> None:
    found = read(damage(jpeg))
    assert (found.pixels, found.error) == (None, reason)
    assert words in (found.detail or "")
    assert "<_io" not in (found.detail or "")


def test_whatever_a_decoder_raises_is_a_reason(jpeg: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, reason in ((IndexError("at 3"), "damaged"), (MemoryError(), "too large"), (EOFError(), "truncated")):
        monkeypatch.setattr(decoder, "prepare", lambda *_, error=error: (_ for _ in ()).throw(error))
        assert read(jpeg).error == reason


def test_files_in_their_order(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 40)
    (folder / "p007.jpg").unlink()
    (folder / "p009.jpg").unlink()
    (folder / "p009.jpg").mkdir()
    places = [str(folder / f"p{number:03d}.jpg") for number in range(40)]
    given = [Source(place, place) for place in places]
    given[8] = given[8]._replace(place="nowhere", content=(folder / "p008.jpg").read_bytes())
    found = list(decode_all(iter(given), RECIPE, processes=2))
    assert [source.name for source, _ in found] == places
    assert {number: one.error for number, (_, one) in enumerate(found) if one.error} == {7: "missing", 9: "unreadable"}
    assert np.array_equal(found[8][1].pixels, read((folder / "p008.jpg").read_bytes()).pixels)


def test_elsewhere(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    places = [(folder / f"p{number:03d}.jpg").as_uri() for number in range(4)]
    found = [one for _, one in decode_all([Source(place, place) for place in places], RECIPE, processes=1)]
    assert [one.error for one in found] == [None, None, None, "missing"]
    assert np.array_equal(found[1].pixels, read((folder / "p001.jpg").read_bytes()).pixels)


@pytest.mark.usefixtures("crashing")
def test_what_brings_a_process_down_costs_its_own_row_only(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 6)
    for number, how in ((1, "crash"), (3, "killed"), (4, "hang")):
        (folder / f"p{number:03d}.jpg").rename(folder / f"{how}.jpg")
    names = ["p000", "crash", "p002", "killed", "hang", "p005"]
    given = [Source(name, str(folder / f"{name}.jpg")) for name in names]
    found = {source.name: one for source, one in decode_all(given, RECIPE, processes=1, timeout_s=2)}
    assert [found[name].error for name in names] == [None, "crashed", None, "crashed", "timed out", None]
    assert "exit code 3" in (found["crash"].detail or "")
    assert "memory runs out" in (found["killed"].detail or "")
    assert "no sign of life for 2 s" in (found["hang"].detail or "")


def test_a_decoder_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 120)
    given = [Source(str(path), str(path)) for path in sorted(folder.iterdir())]
    found = decode_all(given, RECIPE, processes=2)
    first = [next(found)]
    for child in psutil.Process().children():
        child.kill()
    assert [one.error for _, one in [*first, *found]] == [None] * 120
