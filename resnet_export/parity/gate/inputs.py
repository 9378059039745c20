"""What the networks are run on: seeded random images and pictures, in the form that each side takes."""

import os
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import ImageError
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing, find_pictures, load_pictures
from resnet_export.network import Network
from resnet_export.parity.results import Inputs

SEED = 20151210
"""Seed of the random images: the day on which the paper on residual networks appeared."""
BATCHES = (1, 2, 7)
"""Batches of the check: one image, the example that torch traces with, and a number that is no power of two."""
MAX_PICTURES = 32
"""Pictures of a folder that take part: each costs a float64 evaluation."""
PIXELS, SIGNED_PIXELS = (0, 255), (-128, 127)
"""The least and the largest value of a pixel."""
LEAST_DEVIATION = 0.05
"""Below it, what the network takes is on the scale of pixels, 0 to 255: it would hardly see images of deviation 1."""


@dataclass(frozen=True)
class InputSet:
    """The same images in the three forms that are needed."""

    kind: Inputs
    file: NDArray[Any]
    """As the file takes them; in a frame that its own resize and crop take off, where it has these."""
    normalised: NDArray[np.float32]
    """(N, C, H, W), as the frameworks' models take them."""
    raw: NDArray[Any]
    """(N, C, H, W), as the file takes them but for the order of the axes."""
    exact: NDArray[np.float64]
    """(N, C, H, W), what the truth is evaluated on: without rounding where the file normalises by itself."""
    batches: tuple[int, ...]
    """Prefixes of the set that are run."""

    def first(self, count: int) -> Self:
        """The first images alone."""
        cut = {name: getattr(self, name)[:count] for name in ("file", "normalised", "raw", "exact")}
        return replace(self, **cut, batches=(count,))


def batched(values: NDArray[Any], count: int) -> NDArray[Any]:
    """What is given for `count` images, with the batch as the first axis: some files of one image leave it out."""
    return values[None] if count == 1 and values.shape[:1] != (1,) else values


def image_input_of(network: Network, interface: Interface) -> ImageInput:
    """What a file of this network with this interface takes."""
    channels, *sizes = network.image
    pictures = interface.takes_pictures
    height, width = (None, None) if interface.dynamic_size or pictures else sizes
    dtype = "uint8" if interface.takes_pixels else "float32"
    return ImageInput("input", dtype, interface.layout, channels, height, width, interface.batch, pictures)


def gate_inputs(
    taken: ImageInput, preprocessing: Preprocessing, images: str | os.PathLike[str] | None, source: str = "float32"
) -> tuple[list[InputSet], list[str]]:
    """Random images and, where there is a folder, its pictures; and a note for each picture that was left out.

    The images are numbers of the type that the file's source takes.
    """
    sets = [random_inputs(taken, preprocessing, source)]
    notes: list[str] = []
    if images is not None and (taken.height or preprocessing.crop) != (taken.width or preprocessing.crop):
        notes = [f"No picture took part: the file takes {taken.height} x {taken.width}, and the crop is square."]
    elif images is not None:
        pictures, notes = picture_inputs(taken, preprocessing, images, source)
        sets.append(pictures)
    return sets, notes


def random_inputs(taken: ImageInput, preprocessing: Preprocessing, source: str = "float32") -> InputSet:
    """7 images, or as many as the file's fixed batch."""
    batches = BATCHES if taken.batch is None else (taken.batch,)
    generator = np.random.default_rng(SEED)
    shape = (max(batches), taken.height or preprocessing.crop, taken.width or preprocessing.crop, taken.channels)
    images: NDArray[Any]
    if np.issubdtype(np.dtype(taken.dtype), np.integer):
        least, most = PIXELS if taken.dtype != "int8" else SIGNED_PIXELS
        images = generator.integers(least, most + 1, shape, taken.dtype)
    elif max(preprocessing.std) < LEAST_DEVIATION:
        images = _normalised(generator.integers(0, 256, shape, np.uint8), preprocessing)
    else:
        images = generator.standard_normal(shape, np.float32)
    return _input_set("random", _representable(images, source), taken, preprocessing, batches)


def picture_inputs(
    taken: ImageInput, preprocessing: Preprocessing, folder: str | os.PathLike[str], source: str = "float32"
) -> tuple[InputSet, list[str]]:
    """The pictures of a folder, prepared as the metadata says, and a note for each that was left out.

    Raises:
        ImageError: the folder has no picture that can be read, or fewer than the file's fixed batch.
    """
    paths = find_pictures(folder)
    notes = []
    if len(paths) > MAX_PICTURES:
        notes.append(f"{len(paths)} pictures in {folder}: the check ran on the first {MAX_PICTURES}.")
    loaded = list(load_pictures(paths[:MAX_PICTURES], preprocessing))
    notes += [f"left out: {found.message}" for found in loaded if isinstance(found, ImageError)]
    pixels = [found for found in loaded if not isinstance(found, ImageError)]
    least = taken.batch or 1
    if len(pixels) < least:
        why = f"; the first: {notes[-1]}" if notes else ""
        raise ImageError(
            f"{len(pixels)} of the {len(paths)} pictures in {folder} can be used, and the check needs {least}{why}",
            hint="Give a folder with more pictures that can be read.",
        )
    if taken.batch is not None and len(pixels) > taken.batch:
        notes.append(f"The check ran on the first {taken.batch} of {len(pixels)} pictures: the file's batch is fixed.")
    stacked = np.stack(pixels[: taken.batch])
    images = stacked if taken.dtype == "uint8" else _normalised(stacked, preprocessing)
    return _input_set("pictures", _representable(images, source), taken, preprocessing, (len(stacked),)), notes


def _representable(images: NDArray[Any], source: str) -> NDArray[Any]:
    """The images in numbers that a type has, as float32; pixels are what they are."""
    dtype: np.dtype[Any] = np.dtype(source)
    if images.dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize >= images.dtype.itemsize):
        return images
    if dtype.kind in "iu":
        images = np.clip(np.rint(images), *(SIGNED_PIXELS if source == "int8" else PIXELS))
    return images.astype(dtype).astype(np.float32)


def _normalised(pixels: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """(N, H, W, C), like the pixels."""
    return np.transpose(preprocessing.normalise(pixels).astype(np.float32), (0, 2, 3, 1))


def _input_set(
    kind: Inputs, images: NDArray[Any], taken: ImageInput, preprocessing: Preprocessing, batches: tuple[int, ...]
) -> InputSet:
    """The set of (N, H, W, C) pixels where the file takes these, else of images that are normalised already."""
    given = images.astype(taken.dtype)  # float16 files take rounded images
    raw = np.ascontiguousarray(np.transpose(given, (0, 3, 1, 2)))
    exact = preprocessing.normalise(given) if taken.dtype == "uint8" else raw.astype(np.float64)
    as_file = taken.arrange(preprocessing.framed(given) if taken.prepares else given)
    return InputSet(kind, as_file, exact.astype(np.float32), raw, exact, batches)
