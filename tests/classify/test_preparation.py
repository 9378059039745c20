from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.preparation import Batching, batching_of, outputs, rows_of, session_input
from resnet_export.errors import ImageError, ModelError
from resnet_export.graph.foreign import ImageInput
from resnet_export.images import Preprocessing, load_pictures
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.session import Session

from .files import PREPARED, ours

TAKEN = ImageInput("input", "float32", "nchw", 3, 32, 32, None)


class Echo(Session):
    """Gives the mean of each channel of each picture, and notes how it was called."""

    def __init__(self, *, batches: tuple[int, ...] | None = None, takes_file_input: bool = True) -> None:
        self.batches, self.takes_file_input = batches, takes_file_input
        self.given: list[NDArray[Any]] = []

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        self.given.append(images)
        return np.asarray(images.mean((2, 3)))


@pytest.mark.parametrize(
    ("batches", "takes_file_input", "batch", "wanted", "expected"),
    [
        (None, True, None, 1, Batching(1, fixed=False)),
        (None, True, None, 8, Batching(8, fixed=False)),
        (None, True, 4, 1, Batching(4, fixed=True)),
        (None, True, 4, 8, Batching(4, fixed=True)),
        (None, False, 4, 8, Batching(8, fixed=False)),
        ((1,), True, None, 8, Batching(1, fixed=True)),
        ((1, 4, 16), True, None, 8, Batching(4, fixed=True)),
        ((4, 16), True, None, 1, Batching(4, fixed=True)),
    ],
)
def test_the_batch(
    batches: tuple[int, ...] | None, takes_file_input: bool, batch: int | None, wanted: int, expected: Batching
) -> None:
    taken = ImageInput("input", "float32", "nchw", 3, 32, 32, batch)
    session = Echo(batches=batches, takes_file_input=takes_file_input)
    assert batching_of(session, taken, wanted) == expected


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("takes_file_input", [True, False])
def test_the_form_of_the_input(dtype: str, layout: Any, takes_file_input: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    preprocessing = Preprocessing(5, 5, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    taken = ImageInput("input", dtype, layout, 3, 4, 5, None)
    found = session_input(Echo(takes_file_input=takes_file_input), taken, preprocessing, pixels)
    assert found.flags.c_contiguous
    own = takes_file_input
    assert found.dtype == (dtype if own else "float32")
    if own and dtype == "uint8":
        expected = pixels.astype(np.float64)
    else:
        expected = (pixels / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    if not own or layout == "nchw":
        expected = expected.transpose(0, 3, 1, 2)
    rounding = 2.0**-10 if dtype == "float16" and own else 2.0**-22  # relative, of values from about -4 to 6
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("bgr", [False, True])
def test_pixels_are_normalised_in_float64_and_rounded_once(bgr: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    preprocessing = Preprocessing(40, 40, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), bgr=bgr)
    taken = ImageInput("input", "float32", "nchw", 3, 30, 40, None)
    found = session_input(Echo(), taken, preprocessing, pixels)
    assert np.array_equal(found, preprocessing.normalise(pixels).astype(np.float32))


def test_rows() -> None:
    assert rows_of(np.zeros((3, 10)), 3).shape == (3, 10)
    assert rows_of(np.zeros(10), 1).shape == (1, 10)
    assert rows_of(np.zeros((1, 10)), 1).shape == (1, 10)
    assert rows_of(np.zeros(4), 4).shape == (4,)
    with pytest.raises(ModelError, match="was given a batch of 2, and its output is of 1 x 10"):
        rows_of(np.zeros((1, 10)), 2)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five pictures of one colour each, of which the fourth is damaged."""
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for index, path in enumerate(paths):
        Image.new("RGB", (40, 40), (10 * index, 0, 0)).save(path)
    paths[3].write_bytes(b"no picture")
    return paths


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("fixed", [False, True])
def test_each_picture_has_its_own_row(batch: int, fixed: bool, tmp_path: Path, pictures: list[Path]) -> None:
    classifier = read_classifier(ours(tmp_path / "net.onnx", batch=batch if fixed else None), Asked())
    session = Echo()
    found = list(outputs(session, classifier, load_pictures(pictures, classifier.preprocessing), batch=batch))
    assert len(found) == len(pictures)
    for index, row in enumerate(found):
        if index == 3:
            assert isinstance(row, ImageError)
            continue
        assert not isinstance(row, ImageError)
        expected = (10 * index / 255 - PREPARED.mean[0]) / PREPARED.std[0]
        assert row[0] == pytest.approx(expected, abs=1e-5)  # the mean of 1024 numbers in float32
    given = [len(images) for images in session.given]
    if fixed:
        assert given == [batch] * -(-4 // batch)
    else:
        assert (sum(given), max(given)) == (4, min(batch, 4))


@pytest.mark.parametrize("callers", [1, 3])
def test_answers_keep_their_order_however_many_threads_run(callers: int, tmp_path: Path, pictures: list[Path]) -> None:
    path = ours(tmp_path / "net.onnx")
    classifier = read_classifier(path, Asked())
    with parse_runtime("ort:cpu").with_threads(1).open(path) as session:
        loaded = load_pictures(4 * pictures, classifier.preprocessing)
        found = list(outputs(session, classifier, loaded, batch=2, callers=callers))
        alone = [*outputs(session, classifier, load_pictures(pictures, classifier.preprocessing), batch=2)]
    for row, wanted in zip(found, 4 * alone, strict=True):
        if isinstance(wanted, ImageError):
            assert isinstance(row, ImageError)
        else:
            np.testing.assert_allclose(row, wanted, rtol=1e-5)


def test_pictures_are_prepared_as_they_are_run(tmp_path: Path, pictures: list[Path]) -> None:
    """A folder of a million doesn't fill the memory."""
    classifier = read_classifier(ours(tmp_path / "net.onnx"), Asked())
    session = Echo()
    found = outputs(session, classifier, load_pictures(pictures, classifier.preprocessing), batch=1)
    next(found)
    assert len(session.given) == 1
