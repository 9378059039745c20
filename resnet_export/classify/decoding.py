"""The pictures of a data set as a session takes them: files are decoded in processes of their own while it runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.data import Dataset
from resnet_export.classify.decoder import Recipe, Source, decode_all
from resnet_export.classify.preparation import Picture
from resnet_export.errors import ImageError
from resnet_export.images import MODES, Preprocessing, as_pixels, decode_picture, prepare

if TYPE_CHECKING:
    from PIL import Image

THUMBNAIL = 80
"""Pixels of the longer side of a small copy."""


def load(dataset: Dataset, classifier: Classifier, *, prepared: bool = True) -> Generator[Picture]:
    """What `preparation.outputs` takes of each picture, in the order of the data set.

    Args:
        dataset: the pictures.
        classifier: of the network that they are for.
        prepared: as in `images.load_pictures`.

    Raises:
        ImageError: they are arrays of another shape than those that the network takes as they are.
    """
    if dataset.normalised:
        yield from _as_taken(dataset, classifier)
    elif isinstance(dataset.pictures, np.ndarray):
        yield from _prepared(dataset.pictures, classifier.preprocessing, prepared)
    else:
        yield from decoded(dataset.pictures, classifier.preprocessing, prepared)


def doubts(dataset: Dataset, classifier: Classifier) -> tuple[str, ...]:
    """What contradicts that arrays which the network takes as they are have been normalised, a sentence each."""
    mean = "/".join(f"{value:g}" for value in classifier.preprocessing.mean)
    if not dataset.normalised or not any(classifier.preprocessing.mean) or np.asarray(dataset.pictures).min() < 0:
        return ()
    return (
        f"No number in {dataset.source} is below 0, so the mean of {mean} seems not to be taken off: floating-point "
        "pictures are taken as they are. Normalise them, or give pixels 0..255 as uint8.",
    )


def decoded(paths: Sequence[Path], preprocessing: Preprocessing, prepared: bool) -> Iterator[Picture]:
    """The pixels of each file, or why there are none."""
    sources = (Source(str(path), str(path)) for path in paths)
    for source, found in decode_all(sources, Recipe(preprocessing, prepared)):
        if found.pixels is None:
            yield ImageError(f"{source.name} cannot be read as a picture: {str(found.detail).rstrip('.')}.")
        else:
            yield found.pixels


def _as_taken(dataset: Dataset, classifier: Classifier) -> NDArray[Any]:
    """Arrays that are normalised already, (N, C, H, W)."""
    given, taken, side = np.asarray(dataset.pictures), classifier.taken, classifier.preprocessing.crop
    there = " x ".join(map(str, given.shape[1:]))
    if taken.dtype == "uint8":
        raise ImageError(
            f"{classifier.path} takes pixels 0..255, and the images in {dataset.source} are {given.dtype}.",
            hint="Give them as uint8 (N, height, width, channels).",
        )
    if taken.layout == "nhwc":
        given = np.transpose(given, (0, 3, 1, 2))
    if given.shape[1:] != (taken.channels, side, side):
        wanted = (taken.channels, side, side) if taken.layout == "nchw" else (side, side, taken.channels)
        raise ImageError(
            f"The images in {dataset.source} are {given.dtype} of {there}, and {classifier.path} takes "
            f"{' x '.join(map(str, wanted))}.",
            hint="Give normalised pictures of that shape, or pixels 0..255 as uint8 (N, height, width, channels).",
        )
    return given


def _prepared(pictures: NDArray[np.uint8], preprocessing: Preprocessing, prepared: bool) -> Iterator[Picture]:
    """The same of pictures that are arrays."""
    mode = MODES[len(preprocessing.mean)]
    for pixels in pictures:
        picture = _picture(pixels).convert(mode)
        try:
            yield prepare(picture, preprocessing) if prepared else as_pixels(picture)
        except ImageError as error:
            yield error


def thumbnail(dataset: Dataset, at: int) -> str | None:
    """A small copy of a picture, a PNG in base64; None of one that is no picture."""
    from PIL import Image

    if dataset.normalised:
        return None
    given = dataset.pictures[at]
    picture = decode_picture(given) if isinstance(given, Path) else _picture(given).convert("RGB")
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return as_png(picture)


def as_png(picture: Image.Image) -> str:
    """The picture as a PNG in base64."""
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode()


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """(H, W, C), 0..255, as a picture."""
    from PIL import Image

    return Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
