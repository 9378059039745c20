"""The pictures of a data set as a session takes them: files are decoded in processes of their own while it runs."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.data import Dataset
from resnet_export.errors import ImageError, ResNetExportError
from resnet_export.images import MODES, Preprocessing, as_pixels, decode_picture, load_pictures, prepare
from resnet_export.machine.cpu import read_affinity
from resnet_export.workers import Pool

if TYPE_CHECKING:
    from PIL import Image

CHUNK = 16
"""Pictures of one call: small ones are decoded faster than a process is asked for them."""
MOST = 16
"""Processes at a time: they decode some 4,000 pictures of usual size a second."""
THUMBNAIL = 80
"""Pixels of the longer side of a small copy."""
TIMEOUT_S = 60.0
"""A chunk of the largest pictures that are decoded takes some 30 s."""


class Chunk(NamedTuple):
    """What a process is asked for at a time."""

    paths: list[Path]
    preprocessing: Preprocessing
    prepared: bool
    """Whether they are resized and cropped; else they are left as they are."""


class Decoder:
    """What a worker does."""

    def __init__(self, report: object) -> None:
        """Reports no progress."""

    def decode(self, chunk: Chunk) -> list[NDArray[np.uint8] | ImageError]:
        """The pixels of each picture, or why there are none."""
        return [found for _, found in load_pictures(chunk.paths, chunk.preprocessing, prepared=chunk.prepared)]


def load(
    dataset: Dataset, classifier: Classifier, *, prepared: bool = True
) -> Iterator[tuple[Path, NDArray[Any] | ImageError]]:
    """Each picture with what `preparation.outputs` takes of it, in the order of the data set.

    Args:
        dataset: the pictures.
        classifier: of the network that they are for.
        prepared: as in `images.load_pictures`.

    Raises:
        ImageError: they are arrays of another shape than those that the network takes as they are.
    """
    names, preprocessing = map(Path, dataset.names), classifier.preprocessing
    if dataset.normalised:
        return zip(names, _as_taken(dataset, classifier), strict=True)
    if isinstance(dataset.pictures, np.ndarray):
        return zip(names, _prepared(dataset.pictures, preprocessing, prepared), strict=True)
    # Of pictures of any size, few fit into the memory.
    return zip(names, decoded(dataset.pictures, preprocessing, prepared, CHUNK if prepared else 1), strict=True)


def decoded(
    paths: Sequence[Path], preprocessing: Preprocessing, prepared: bool, chunk: int = CHUNK
) -> Iterator[NDArray[np.uint8] | ImageError]:
    """The pixels of each file, or why there are none. One that brings its process down costs no other its pixels."""
    chunks = [Chunk(list(paths[at : at + chunk]), preprocessing, prepared) for at in range(0, len(paths), chunk)]
    cpus = len(read_affinity(psutil.Process()) or ()) or os.cpu_count() or 1
    pool = Pool(f"{__name__}:Decoder", max(1, min(MOST, cpus, len(chunks))))
    stream = pool.stream("decode", chunks, timeout_s=TIMEOUT_S, doing="decoding pictures")
    for asked, found in zip(chunks, stream, strict=True):
        if not isinstance(found, ResNetExportError):
            yield from found
        elif len(asked.paths) > 1:
            yield from decoded(asked.paths, preprocessing, prepared, 1)
        else:
            yield ImageError(f"{asked.paths[0]} cannot be read as a picture: {found.message}.")


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


def _prepared(
    pictures: NDArray[np.uint8], preprocessing: Preprocessing, prepared: bool
) -> Iterator[NDArray[np.uint8] | ImageError]:
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
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode()


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """(H, W, C), 0..255, as a picture."""
    from PIL import Image

    return Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
