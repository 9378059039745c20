"""`Data`: labelled pictures in memory, and the table of the data sets."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import UsageError, did_you_mean
from resnet_export.images import Preprocessing

Pixels = NDArray[np.uint8]
DATASETS = {
    "fashion-mnist": "training.idx:fashion_mnist",
    "cifar10": "training.cifar:cifar10",
    "digits": "training.digits:digits",
}
"""Name -> the function that reads it, which takes the folder where it was asked to look, or None."""
DIGITS_OF_MOMENTS = 4


@dataclass(frozen=True)
class Data:
    """Pictures of one size with the numbers of their classes: those of the training, and those of the test."""

    name: str
    images: Pixels
    """(N, H, W, C), 0..255."""
    labels: NDArray[np.int64]
    test_images: Pixels
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    padding: int = 0
    """Pixels on each side before a crop, where the pictures are augmented by crops."""
    mirrored: bool = True
    """Whether a picture in a mirror is one of its class."""
    preprocessing: Preprocessing | None = None
    """How the pictures of files were resized; None where they are as they came."""

    @cached_property
    def preparation(self) -> Preprocessing:
        """How a picture becomes the network's input: the mean and deviation are those of the training's pictures."""
        size, channels = self.images.shape[1], self.images.shape[-1]
        usual = self.preprocessing or Preprocessing.default(channels, size)
        mean, std = moments(self.images)
        return usual.changed(mean=mean, std=std)

    def prepared(self, pixels: Pixels) -> NDArray[np.float32]:
        """The network's input of some pictures: (n, H, W, C) -> (n, C, H, W)."""
        return self.preparation.normalise(pixels).astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the pictures and classes of the training, in hexadecimal."""
        sha = hashlib.sha256(f"{self.images.shape} {self.classes}".encode())
        sha.update(self.images.data)
        sha.update(self.labels.astype("<i8").data)
        return sha.hexdigest()

    def first(self, count: int) -> Data:
        """The same with so many pictures of the training."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])


def moments(images: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, standard deviation) of each channel on the scale 0..1, rounded to four digits as people write them.

    A channel without any deviation is divided by 1.
    """
    histograms = [np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(images.shape[-1])]
    levels = np.arange(256) / 255
    mean = [float(np.average(levels, weights=counts)) for counts in histograms]
    std = [
        float(np.sqrt(np.average((levels - middle) ** 2, weights=counts)))
        for counts, middle in zip(histograms, mean, strict=True)
    ]
    rounded = [round(one, DIGITS_OF_MOMENTS) for one in std]
    return tuple(round(one, DIGITS_OF_MOMENTS) for one in mean), tuple(one or 1.0 for one in rounded)


def load(name: str, folder: Path | None, image_size: int | None) -> Data:
    """Reads a data set, or a folder of class folders.

    Args:
        name: one of `DATASETS`, or the path of a folder.
        folder: where to look for the files of a named one.
        image_size: of the pictures of a folder.

    Raises:
        UsageError: there is neither a data set nor a folder of that name, or an option is not for it.
        InputError: the data can't be found or read.
    """
    if name in DATASETS:
        if image_size is not None:
            raise UsageError(f"The pictures of {name} have one size.", hint="Leave --image-size out.")
        module, _, function = DATASETS[name].partition(":")
        data: Data = getattr(importlib.import_module(module), function)(folder)
        return data
    if not Path(name).is_dir():
        near = did_you_mean(name, DATASETS)
        raise UsageError(
            f"There is no data set and no folder {name}.",
            hint=f"{near}Give one of {', '.join(DATASETS)}, or a folder of class folders, with --data.",
        )
    if folder is not None:
        raise UsageError(
            "--data-folder is for the files of a named data set.", hint="Leave it out, and give the folder with --data."
        )
    from training.folder import class_folders

    return class_folders(Path(name), image_size)
