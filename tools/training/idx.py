"""Fashion-MNIST, from a folder of IDX files.

    magic number    0, 0, type of the numbers (8: unsigned bytes), number of axes
    sizes           of each axis, 4 bytes, the first byte counts most
    numbers         the last axis fastest

Source: https://github.com/zalandoresearch/fashion-mnist, whose files have the form of http://yann.lecun.com/exdb/mnist
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import InputError
from training.data import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIZE, PADDING = 28, 2
UNSIGNED_BYTES = 8
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
    images, labels = read(_find(folder, f"{part}-images-idx3-ubyte")), read(_find(folder, f"{part}-labels-idx1-ubyte"))
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


def read(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, which may be compressed.

    Raises:
        InputError: it can't be read, is of another kind, or has another length than it says.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} can't be read: {error}.", hint="Get the file again.") from error
    if len(content) < 4 or content[:3] != bytes((0, 0, UNSIGNED_BYTES)):
        raise InputError(f"{path} is no IDX file of unsigned bytes.", hint="Get the file again.")
    start = 4 * (1 + content[3])
    shape = tuple(int.from_bytes(content[at : at + 4]) for at in range(4, start, 4))
    if len(content) != start + math.prod(shape):
        raise InputError(
            f"{path} has {len(content)} bytes, and an array of {shape} needs {start + math.prod(shape)}.",
            hint="Get the file again.",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
