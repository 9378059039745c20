"""Labelled pictures that are arrays: NumPy's archives, and IDX files as of MNIST and Fashion-MNIST.

An IDX file has, big-endian, two bytes of 0, one for the type (8: unsigned bytes), one for the number of axes, and four
for the length of each; then the values (Y. LeCun, The MNIST database of handwritten digits).
"""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from resnet_export.classify.data.dataset import Dataset, Label
from resnet_export.errors import ImageError, InputError, LabelsError
from resnet_export.images import MODES
from resnet_export.terminal import number

KEYS = (("images", "labels"), ("x_test", "y_test"), ("x_train", "y_train"))
"""Names of the arrays in an archive; the later are Keras's. Of several the first is taken; for training, the last."""
PARTS = ("t10k", "test", "val", "train")
"""Beginnings of the names of IDX files; of several the first is taken, to train with the last."""
UNSIGNED_BYTES = 8


def read_archive(path: Path, *, labelled: bool = True, training: bool = False) -> Dataset:
    """An `.npz` with pictures and their labels; with none, or with those that are there left alone, if not `labelled`.

    Those to test with go before those to train with, unless they are for `training`.

    Raises:
        InputError: it can't be read, or has other arrays.
    """
    hint = "Write it with numpy.savez(path, images=images, labels=labels)."
    try:
        with path.open("rb") as file, _opened(file) as archive:
            for images, labels in reversed(KEYS) if training else KEYS:
                if images in archive and (labels in archive or not labelled):
                    pixels = archive[images]
                    return _dataset(path, pixels, archive[labels] if labelled else np.zeros(pixels.shape[:1], np.int64))
            there = ", ".join(archive.files) or "nothing"
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as an .npz: {error}.", hint=hint) from error
    raise InputError(f"{path} has no arrays images and labels, but {there}.", hint=hint)


def _opened(file: BinaryIO) -> NpzFile:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, NpzFile):
        raise ValueError("it holds a single array")
    return archive


def find_idx(folder: Path, *, training: bool = False) -> tuple[Path, Path] | None:
    """The pictures and the labels among the IDX files of a folder, or None; those to test with, or for `training`."""
    for part in reversed(PARTS) if training else PARTS:
        for suffix in ("", ".gz"):
            images, labels = (folder / f"{part}-{kind}-ubyte{suffix}" for kind in ("images-idx3", "labels-idx1"))
            if images.exists() and labels.exists():
                return images, labels
    return None


def read_idx(images: Path, labels: Path) -> Dataset:
    """The pictures of two IDX files, packed or not.

    Raises:
        InputError: one of them is damaged.
    """
    return _dataset(images, read_idx_file(images), read_idx_file(labels))


def read_idx_file(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, packed or not.

    Raises:
        InputError: it can't be read, is of another kind, or has another length than it says.
    """
    try:
        content = path.read_bytes()
        data = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        zeros, kind, axes = struct.unpack_from(">HBB", data)
        if (zeros, kind) != (0, UNSIGNED_BYTES):
            raise ValueError("it doesn't begin like an IDX file of unsigned bytes")
        shape = struct.unpack_from(f">{axes}I", data, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}.", hint="Fetch the file again.") from error


def _dataset(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> Dataset:
    """Pictures with as many labels.

    Raises:
        ImageError: the pictures are none.
        LabelsError: the labels are none, or not one for each picture.
    """
    shape = " x ".join(map(str, images.shape)) or "no axis"
    if images.dtype == np.uint8 and images.ndim == 3:
        images = images[..., None]
    pixels = images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] in MODES
    if not pixels and not (images.dtype.kind == "f" and images.ndim == 4):
        raise ImageError(
            f"The images in {path} are {images.dtype} of {shape}.",
            hint="Give them as uint8 (N, height, width, channels), or as floating-point numbers as the network takes "
            "them, normalised.",
        )
    if not len(images):
        raise ImageError(f"{path} holds no pictures.", hint="Give one that does.")
    if labels.shape[:1] != images.shape[:1]:
        there = number(len(labels), "label") if labels.ndim else "a single number"
        raise LabelsError(
            f"{path} has {there} for {number(len(images), 'picture')}.", hint="Give one label for each picture."
        )
    names = [f"{path}[{index}]" for index in range(len(images))]
    rows = _is_rows(labels)
    found = [tuple(np.flatnonzero(row).tolist()) for row in labels] if rows else _numbers(path, labels)
    return Dataset(str(path), names, found, images, columns=labels.shape[1] if rows else None)


def _is_rows(given: NDArray[Any]) -> bool:
    """Whether they are (N, classes) of 0 and 1."""
    return given.dtype.kind in "iubf" and given.ndim == 2 and given.shape[1] > 1 and not set(np.unique(given)) - {0, 1}


def _numbers(path: Path, given: NDArray[Any]) -> list[tuple[Label, ...]]:
    """From numbers (N,) or (N, 1)."""
    flat = given.reshape(len(given), -1)
    if given.dtype.kind not in "iub" or flat.shape[1] != 1:
        raise LabelsError(
            f"The labels in {path} are {given.dtype} of {' x '.join(map(str, given.shape))}.",
            hint="Give the number of each picture's class, (N,), or 0 and 1 for each class, (N, classes).",
        )
    return [(int(label),) for label in flat[:, 0]]
