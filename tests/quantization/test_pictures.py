from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.data import read_dataset
from resnet_export.errors import ImageError
from resnet_export.quantization.pictures import Pictures, gather, noise, prepare

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of every kind that a folder may hold."""
    found = tmp_path / "photos"
    found.mkdir()
    colours = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    for mode in ("RGB", "L", "CMYK", "RGBA", "P"):
        Image.fromarray(colours).convert(mode).save(found / f"{mode}.tif")
    Image.fromarray(colours[..., 0].astype(np.uint16) * 256).save(found / "16 bits.png")
    Image.fromarray(colours[:1, :1]).save(found / "tiny.png")
    Image.fromarray(colours).save(found / "animated.gif", save_all=True, append_images=[Image.fromarray(255 - colours)])
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(colours).save(found / "turned.jpg", exif=turned)
    (found / "broken.jpg").write_bytes(b"no picture")
    return found


def prepared(net: Path, given: Path, folder: Path, samples: int = 256, seed: int = 0) -> Pictures:
    return prepare(gather([given]), read_classifier(net, Asked()), folder, samples, seed)


def test_what_can_be_read_takes_part_and_the_rest_is_said(net: Path, folder: Path, tmp_path: Path) -> None:
    found = prepared(net, folder, tmp_path)
    assert (found.calibration.count, found.choosing.count, found.held_out.count) == (6, 1, 2)
    assert found.notes[0].startswith("1 picture could not be read; the first: ")
    assert found.notes[1] == (
        "Calibrated with 6 pictures of the 256 that --samples asks for: 1 more chose between ranges, and 2 were held "
        "out."
    )


def test_the_parts_are_of_different_pictures_and_depend_on_the_seed(net: Path, colours: Path, tmp_path: Path) -> None:
    first = prepared(net, colours, tmp_path, 32)
    pictures = [batch for part in (first.calibration, first.choosing, first.held_out) for batch in part.batches(7)]
    together = np.concatenate(pictures)
    assert len(np.unique(together, axis=0)) == len(together) == 32 + 16 + 32
    digests = first.calibration.digest, first.held_out.digest
    again = prepared(net, colours, tmp_path, 32)
    assert (again.calibration.digest, again.held_out.digest) == digests
    assert prepared(net, colours, tmp_path, 32, seed=1).calibration.digest != digests[0]


@pytest.mark.parametrize("kind", ["idx", "npz"])
def test_calibration_takes_the_part_to_train_with(tmp_path: Path, kind: str) -> None:
    test, train = (np.full((count, 28, 28), count, np.uint8) for count in (3, 5))
    if kind == "npz":
        given = tmp_path / "mnist.npz"
        labels = {"y_test": np.zeros(3, np.uint8), "y_train": np.zeros(5, np.uint8)}
        np.savez(given, x_test=test, x_train=train, **labels)
    else:
        given = tmp_path
        for part, pixels in (("t10k", test), ("train", train)):
            for name, array in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", pixels[:, 0, 0])):
                shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
                (tmp_path / name).write_bytes(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes())
    assert len(gather([given]).names) == 5
    assert len(read_dataset(given).names) == 3


def test_a_single_picture_gives_ranges_and_no_proof(net: Path, folder: Path, tmp_path: Path) -> None:
    found = prepared(net, folder / "RGB.tif", tmp_path)
    assert (found.calibration.count, found.held_out.count) == (1, 0)
    assert "No picture could be held out" in found.notes[-1]


def test_nothing_that_can_be_read(net: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="None of 1 picture can be used"):
        prepared(net, folder / "broken.jpg", tmp_path)


def test_arrays_need_no_labels(net: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", images=np.zeros((8, 32, 32, 3), np.uint8))
    assert prepared(net, tmp_path / "arrays.npz", tmp_path).calibration.count == 5


def test_an_empty_folder(net: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no picture"):
        prepared(net, tmp_path / "empty", tmp_path)


def test_normalised_as_the_file_says(net: Path, colours: Path, tmp_path: Path) -> None:
    classifier = read_classifier(net, Asked())
    found = prepare(noise(4, classifier.preprocessing, 0), classifier, tmp_path, 4, 0).calibration
    pixels, given = next(found.batches(4)), next(found.normalised(classifier.preprocessing, 4))
    np.testing.assert_array_equal(given, classifier.preprocessing.normalise(pixels).astype(np.float32))
