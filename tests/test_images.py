from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sklearn.datasets import load_sample_image

from resnet_export import images
from resnet_export.assumptions import settled
from resnet_export.errors import ImageError, UsageError
from resnet_export.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INTERPOLATIONS,
    MODES,
    Preprocessing,
    decode_picture,
    find_pictures,
    gather_pictures,
    load_pictures,
    prepare,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PLAIN = Preprocessing.default(3, 32)


def load_picture(path: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    return prepare(decode_picture(path, len(preprocessing.mean)), preprocessing)


def ramp(width: int, height: int) -> Image.Image:
    """Red is the column, green the row: a pixel says where it was."""
    rows, columns = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8))


def test_default_of_three_channels_is_imagenets() -> None:
    default = Preprocessing.default(3, 224)
    assert default == Preprocessing(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")
    assert Preprocessing.default(3, 128).resize == 146  # the same share, 256 / 224


def test_a_network_of_the_size_of_cifars_is_not_given_imagenets() -> None:
    assert Preprocessing.default(3, 32) == Preprocessing(32, 32, (0.0,) * 3, (1.0,) * 3, "bilinear")
    assert Preprocessing.default(3, 127).mean == (0.0,) * 3


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_default_of_other_channels_changes_nothing(channels: int) -> None:
    default = Preprocessing.default(channels, 32)
    assert (default.mean, default.std) == ((0.0,) * channels, (1.0,) * channels)


def test_plain_data_for_json() -> None:
    data = json.loads(json.dumps(Preprocessing.default(3, 224).as_dict()))
    assert data == {
        "resize": 256,
        "crop": 224,
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "interpolation": "bilinear",
        "aspect": "kept",
        "half": "even",
        "bgr": False,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interpolation": "area"}, "There is no interpolation 'area'."),
        ({"resize": 31}, "The pictures would be resized to 31 pixels and cropped to 32."),
        ({"mean": (0.5,)}, "There are 1 means and 3 standard deviations."),
        ({"std": (1.0, 1.0, 0.0)}, "standard deviation (1.0, 1.0, 0.0)"),
        ({"std": (1.0, 1.0, -1.0)}, "standard deviation (1.0, 1.0, -1.0)"),
        ({"std": (1.0, 1.0, math.inf)}, "standard deviation (1.0, 1.0, inf)"),
        ({"mean": (1.0, math.nan, 1.0)}, "The mean is (1.0, nan, 1.0)"),
    ],
)
def test_values_outside_their_range(change: dict[str, Any], message: str) -> None:
    values = PLAIN.as_dict() | change
    with pytest.raises(UsageError) as caught:
        Preprocessing(**values)
    assert message in caught.value.message
    assert caught.value.hint


def test_at_another_size_the_shorter_side_keeps_its_share() -> None:
    assert Preprocessing.default(3, 224).at_size(448) == Preprocessing.default(3, 448)
    assert PLAIN.at_size(32) == PLAIN


def test_what_is_given_replaces_what_there_was() -> None:
    found = PLAIN.changed(resize=40, mean=[0.5, 0.5, 1], interpolation="lanczos")
    assert found == Preprocessing(40, 32, (0.5, 0.5, 1.0), (1.0,) * 3, "lanczos")
    assert PLAIN.changed() == PLAIN


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"mean": (0.5,)}, "mean has 1 numbers, and the network 3 channels.", "Give one mean per channel."),
        ({"std": (0.5,) * 4}, "std has 4 numbers, and the network 3 channels.", "Give one std per channel."),
        ({"mean": (124, 0.5, 0.5)}, "mean 124, 0.5, 0.5 is not on the scale 0..1.", "Divide it by 255 if it is on the"),
        (
            {"resize": 31},
            "The pictures would be resized to 31 pixels and cropped to 32.",
            "Give --resize as 32 or more",
        ),
    ],
)
def test_what_cannot_be_given(given: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        PLAIN.changed(**given)
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint)


@given(
    pixels=arrays(np.uint8, (2, 3, 4, 3)),
    mean=st.tuples(*[st.floats(0, 1)] * 3),
    std=st.tuples(*[st.floats(0.01, 2)] * 3),
)
def test_normalisation_is_its_formula(
    pixels: NDArray[np.uint8], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    found = Preprocessing(32, 32, mean, std).normalise(pixels)
    assert found.shape == (2, 3, 3, 4)
    assert found.dtype == np.float64
    expected = (pixels / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(found, expected.transpose(0, 3, 1, 2), rtol=1e-14, atol=1e-13)


def test_scale_and_shift() -> None:
    scale, shift = Preprocessing.default(3, 224).scale_and_shift()
    assert scale.shape == shift.shape == (1, 3, 1, 1)
    assert scale[0, 0, 0, 0] == 1 / (255 * 0.229)
    assert shift[0, 2, 0, 0] == -0.406 / 0.225


@pytest.mark.parametrize(
    ("size", "left", "top"),
    [((32, 32), 0, 0), ((40, 32), 4, 0), ((32, 100), 0, 34), ((33, 32), 0, 0), ((35, 32), 2, 0)],
)
def test_the_middle_is_cut_out(tmp_path: Path, size: tuple[int, int], left: int, top: int) -> None:
    """Half pixels are rounded to even numbers, as torchvision's `int(round(...))` does."""
    ramp(*size).save(tmp_path / "ramp.png")
    pixels = load_picture(tmp_path / "ramp.png", PLAIN)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[0, :, 0], np.arange(left, left + 32))
    np.testing.assert_array_equal(pixels[:, 0, 1], np.arange(top, top + 32))


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_photo_as_torchvision_prepares_it(tmp_path: Path, interpolation: Any) -> None:
    """640 x 427: the shorter side becomes 256, the longer int(256 * 640 / 427) = 383, less (383 - 224) / 2 = 79.5."""
    photo = Image.fromarray(load_sample_image("china.jpg"))
    photo.save(tmp_path / "china.png")
    pixels = load_picture(tmp_path / "china.png", Preprocessing(256, 224, (0,) * 3, (1,) * 3, interpolation))
    resized = photo.resize((383, 256), getattr(Image.Resampling, interpolation.upper()))
    np.testing.assert_array_equal(pixels, np.asarray(resized)[16:240, 80:304])


def test_a_photo_on_its_side(tmp_path: Path) -> None:
    """Orientation 6: the camera was turned, and the picture must be turned clockwise to stand upright."""
    photo = Image.fromarray(load_sample_image("flower.jpg"))
    lying = photo.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(tmp_path / "turned.png", exif=exif)
    photo.save(tmp_path / "upright.png")
    turned, upright = (load_picture(tmp_path / f"{name}.png", PLAIN) for name in ("turned", "upright"))
    np.testing.assert_array_equal(turned, upright)


def pictures_of_every_kind() -> dict[str, Image.Image]:
    base = ramp(40, 32)
    palette_with_transparency = base.quantize(16)
    palette_with_transparency.info["transparency"] = bytes(range(16))
    return {
        "grey.png": base.convert("L"),
        "alpha.png": base.convert("RGBA"),
        "palette.png": base.quantize(16),
        "transparent.png": palette_with_transparency,
        "bits.png": base.convert("1"),
        "cmyk.jpg": base.convert("CMYK"),
        "animated.gif": base.quantize(16),
        "photo.webp": base,
        "scan.tif": base,
        "old.bmp": base,
        "plain.ppm": base,
    }


@pytest.mark.parametrize("name", pictures_of_every_kind())
@pytest.mark.parametrize("channels", MODES)
def test_every_kind_of_picture_fits_every_network(tmp_path: Path, name: str, channels: int) -> None:
    pictures_of_every_kind()[name].save(tmp_path / name)
    pixels = load_picture(tmp_path / name, Preprocessing.default(channels, 32))
    assert pixels.shape == (32, 32, channels)
    assert np.ptp(pixels[..., 0]) > 10, "the ramp is still there"


@pytest.mark.parametrize("channels", MODES)
def test_of_sixteen_bits_the_upper_eight_count(tmp_path: Path, channels: int) -> None:
    grey = np.asarray(ramp(32, 32).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 256 + 200).save(tmp_path / "a.png")
    pixels = load_picture(tmp_path / "a.png", Preprocessing(32, 32, (0.0,) * channels, (1.0,) * channels))
    np.testing.assert_array_equal(pixels[..., 0], grey)


def test_a_portable_graymap_of_sixteen_bits(tmp_path: Path) -> None:
    grey = np.asarray(ramp(32, 32).convert("L"))
    (tmp_path / "a.ppm").write_bytes(b"P5 32 32 65535\n" + (grey.astype(np.uint16) * 256 + 200).astype(">u2").tobytes())
    pixels = load_picture(tmp_path / "a.ppm", Preprocessing(32, 32, (0.0,), (1.0,)))
    np.testing.assert_array_equal(pixels[..., 0], grey)


@pytest.mark.parametrize("kind", ["int32", "float32"])
@pytest.mark.parametrize(("scale", "read"), [(1, True), (257, False), (1 / 255, False)])
def test_of_32_bits_only_0_to_255_are_known(tmp_path: Path, kind: str, scale: float, read: bool) -> None:
    grey = np.asarray(ramp(32, 32).convert("L"))
    Image.fromarray((grey.astype(float) * scale).astype(kind)).save(tmp_path / "a.tif")
    how = Preprocessing(32, 32, (0.0,), (1.0,))
    if read:
        np.testing.assert_array_equal(load_picture(tmp_path / "a.tif", how)[..., 0], grey)
    else:
        with pytest.raises(ImageError, match=r"it has 32 bits a pixel, and nothing shows which value is white\."):
            load_picture(tmp_path / "a.tif", how)


def test_two_channels_are_no_picture(tmp_path: Path) -> None:
    ramp(32, 32).save(tmp_path / "a.png")
    with pytest.raises(ImageError) as caught:
        load_picture(tmp_path / "a.png", Preprocessing.default(2, 32))
    assert caught.value.message == "The network takes 2 channels, and pictures have 1, 3 or 4."
    assert "--images" in (caught.value.hint or "")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_truncated_pictures(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    Image.fromarray(load_sample_image("flower.jpg")).resize((64, 64)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImageError) as caught:
        load_picture(path, PLAIN)
    assert caught.value.message.startswith(f"{path} cannot be read as a picture: ")
    assert caught.value.hint == "Take it out of the folder."
    assert caught.value.exit_code == 3


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ramp(40, 32).save(tmp_path / "large.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 40 * 32 - 1)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ImageError) as caught:
        load_picture(tmp_path / "large.png", PLAIN)
    assert caught.value.message == f"{tmp_path / 'large.png'} has 40 x 32 pixels, more than 1279."


def test_a_picture_that_would_be_too_large_after_the_resize() -> None:
    with pytest.raises(ImageError) as caught:
        prepare(Image.new("RGB", (1, 6_000_000)), PLAIN)
    assert caught.value.message == "A picture of 1 x 6000000 pixels would have 32 x 192000000 after the resize."


def test_a_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ramp(40, 32).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="cannot be read as a picture"):
        load_picture(tmp_path / "bomb.png", PLAIN)


def test_pictures_of_a_folder_are_found_in_order(tmp_path: Path) -> None:
    hidden = ("sub/.hidden", "._a.jpg", ".ipynb_checkpoints/a.jpg", "__MACOSX/sub/c.jpeg")
    for name in ("b.PNG", "a.jpg", "sub/c.jpeg", "notes.txt", *hidden):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)] == [
        "a.jpg",
        "b.PNG",
        "sub/c.jpeg",
    ]


def test_no_folder_and_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="There is no folder"):
        find_pictures(tmp_path / "missing")
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(ImageError, match=r"holds no picture \(\.bmp, \.gif"):
        find_pictures(str(tmp_path))
    with pytest.raises(ImageError, match="There is no folder"):
        find_pictures(tmp_path / "notes.txt")


@pytest.fixture
def albums(tmp_path: Path) -> Path:
    for name in ("b.PNG", "a.jpg", "notes.txt", "sub/c.jpeg", "sub/deep/d.gif", "none/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["b.PNG", "a.jpg"], ["b.PNG", "a.jpg"]),
        (["notes.txt"], ["notes.txt"]),
        (["sub"], ["sub/c.jpeg", "sub/deep/d.gif"]),
        (["*"], ["a.jpg", "b.PNG"]),
        (["**/*.gif"], ["sub/deep/d.gif"]),
        (["sub/?.jp*g", "sub"], ["sub/c.jpeg", "sub/deep/d.gif"]),
        (["a.jpg", "*.jpg", "a.jpg"], ["a.jpg"]),
    ],
)
def test_pictures_that_were_named(
    given: list[str], found: list[str], albums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gather_pictures([albums / name for name in given]) == [albums / name for name in found]
    monkeypatch.chdir(albums)
    assert [path.as_posix() for path in gather_pictures(given)] == found


def test_a_file_whose_name_looks_like_a_pattern(albums: Path) -> None:
    (albums / "[1].jpg").write_bytes(b"")
    assert gather_pictures([albums / "[1].jpg"]) == [albums / "[1].jpg"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cat.jpg", "There is no picture cat.jpg."),
        ("*.txt", "No picture matches *.txt (.bmp, "),
        ("none", "The folder none holds no picture (.bmp, "),
    ],
)
def test_pictures_that_are_not_there(given: str, message: str, albums: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(albums)
    with pytest.raises(ImageError) as caught:
        gather_pictures(["a.jpg", given])
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "Give pictures, folders of pictures, or patterns such as 'photos/*.jpg'."


def test_a_bad_picture_does_not_hide_the_others(tmp_path: Path) -> None:
    ramp(32, 32).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    shutil.copy(tmp_path / "a.png", tmp_path / "c.png")
    loaded = list(load_pictures(find_pictures(tmp_path), PLAIN))
    assert [isinstance(pixels, ImageError) for pixels in loaded] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aspect": "cropped"}, "There is no aspect 'cropped'."),
        ({"half": "up"}, "There is no half 'up'."),
        ({"bgr": True, "mean": (0.5,), "std": (0.5,)}, "1 channels can't be BGR."),
    ],
)
def test_fields_of_other_packages_outside_their_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Preprocessing(**{"resize": 37, "crop": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3, **change})
    assert caught.value.message == message


def test_squashed_pictures_are_not_cropped_unless_a_resize_is_given() -> None:
    usual = Preprocessing.default(3, 224)
    assert (usual.resize, usual.changed(aspect="squashed").resize) == (256, 224)
    assert usual.changed(aspect="squashed", resize=240).resize == 240
    assert usual.changed(aspect="kept") == usual
    assert usual.changed(aspect="squashed").changed(aspect="kept").resize == 224
    with pytest.raises(UsageError, match=r"^There is no aspect 'wide'\."):
        usual.changed(aspect="wide")


def test_who_gives_the_resize_settles_the_aspect() -> None:
    assert settled(["mean", "resize"]) == {"mean", "resize", "aspect"}
    assert settled(["mean"]) == {"mean"}


def test_squashed_to_a_square() -> None:
    preprocessing = Preprocessing(40, 32, (0.5,) * 3, (0.5,) * 3, aspect="squashed")
    found = prepare(ramp(200, 100), preprocessing)
    expected = np.asarray(ramp(200, 100).resize((40, 40), Image.Resampling.BILINEAR))[4:36, 4:36]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("half", "first"), [("even", 2), ("down", 1)])
def test_where_a_crop_at_half_a_pixel_begins(half: Any, first: int) -> None:
    """The picture is 3 pixels longer than the crop."""
    found = prepare(ramp(35, 35), Preprocessing(35, 32, (0.5,) * 3, (0.5,) * 3, half=half))
    assert tuple(found[0, 0]) == (first, first, 0)


def test_bgr_turns_the_channels_around() -> None:
    pixels = np.array([[[[10, 20, 30]]]], np.uint8)
    caffe = Preprocessing(1, 1, (3 / 255, 2 / 255, 1 / 255), (1 / 255,) * 3, bgr=True)
    assert caffe.normalise(pixels).ravel().tolist() == pytest.approx([27, 18, 9])


@given(st.integers(8, 40), st.integers(0, 9), st.sampled_from(["even", "down"]))
def test_a_frame_is_taken_off_again(crop: int, more: int, half: Any) -> None:
    preprocessing = Preprocessing(crop + more, crop, (0.5,) * 3, (0.5,) * 3, half=half)
    pixels = np.random.default_rng(0).integers(0, 256, (1, crop, crop, 3), np.uint8)
    framed = preprocessing.framed(pixels)
    assert framed.shape == (1, crop + more, crop + more, 3)
    assert np.array_equal(prepare(Image.fromarray(framed[0]), preprocessing), pixels[0])
