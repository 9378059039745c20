"""Fashion-MNIST, from a folder of IDX files: https://github.com/zalandoresearch/fashion-mnist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.data.arrays import read_idx_file
from resnet_export.errors import InputError
from training.data import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIZE, PADDING = 28, 2
HOW_TO_GET = (
    "On Debian and Ubuntu: sudo apt-get install dataset-fashion-mnist. Elsewhere, get the four files from "
    "https://github.com/zalandoresearch/fashion-mnist and name their folder with --data-folder."
)


def fashion_mnist(folder: Path | None) -> Data:
    """60,000 pictures of clothes and 10,000 for the test, grey, 28 x 28.

    Raises:
        InputError: a file is missing or damaged.
    """
    where = folder or DEBIAN
    images, labels = _read_pair(where, "train")
    test_images, test_labels = _read_pair(where, "t10k")
    return Data("fashion-mnist", images, labels, test_images, test_labels, CLASSES, PADDING)


def _read_pair(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = (read_idx_file(_find(folder, f"{part}-{kind}-ubyte")) for kind in ("images-idx3", "labels-idx1"))
    if images.shape != (len(labels), SIZE, SIZE) or labels.max(initial=0) >= len(CLASSES) or not len(labels):
        raise InputError(
            f"The files {part}-* in {folder} are not those of Fashion-MNIST: {images.shape} pictures and "
            f"{labels.shape} labels up to {labels.max(initial=0)}.",
            hint=HOW_TO_GET,
        )
    return images[..., None], labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    """The file, compressed or not."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise InputError(f"{folder} has no {name}.gz, a file of Fashion-MNIST.", hint=HOW_TO_GET)
