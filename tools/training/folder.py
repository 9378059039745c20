"""A folder of class folders: `FOLDER/cat/1.jpg`, or `FOLDER/train/cat/1.jpg` with `FOLDER/val` (or `test`) beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import InputError
from resnet_export.images import Preprocessing, decode_picture, find_pictures, prepare
from training.data import Data

TRAIN, TESTS = "train", ("val", "test")
SIZE = 64
"""Pixels of a side where none are given."""
HELD_BACK = 5
"""Of a folder without a test, every fifth picture of a class is kept for it."""
PADDED = 8
"""Part of a side that is added before a crop: 4 pixels of 32, as is usual for CIFAR."""
CHANNELS = 3
HINT = "Give a folder with a folder of pictures for each class."


def class_folders(root: Path, image_size: int | None) -> Data:
    """The pictures of a folder in colour, resized and cropped in the middle.

    Raises:
        InputError: there is one class only or none, one without pictures, or another set of them in the test.
        ImageError: a picture can't be read.
    """
    size = SIZE if image_size is None else image_size
    preprocessing = Preprocessing(size, size, (0.0,) * CHANNELS, (1.0,) * CHANNELS)
    learnt = root / TRAIN if (root / TRAIN).is_dir() else root
    unseen = next((root / name for name in TESTS if learnt != root and (root / name).is_dir()), None)
    found = _classes(learnt)
    if unseen is None:
        parts = {name: _split(pictures, learnt / name) for name, pictures in found.items()}
        train, test = ({name: part[at] for name, part in parts.items()} for at in (0, 1))
    else:
        train, test = found, _classes(unseen)
        if train.keys() != test.keys():
            raise InputError(f"{learnt} and {unseen} have other classes than each other.", hint=HINT)
    images, labels = _read(train, preprocessing)
    test_images, test_labels = _read(test, preprocessing)
    padding = max(size // PADDED, 1)
    return Data(
        root.resolve().name, images, labels, test_images, test_labels, tuple(found), padding,
        preprocessing=preprocessing,
    )  # fmt: skip


def _classes(root: Path) -> dict[str, list[Path]]:
    """Name of a class -> its pictures, sorted."""
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(names) < 2:
        held = f"one class, {names[0]}" if names else "no class folders"
        raise InputError(f"{root} has {held}, and a classifier needs two classes or more.", hint=HINT)
    return {name: find_pictures(root / name, hint=HINT) for name in names}


def _split(pictures: list[Path], folder: Path) -> tuple[list[Path], list[Path]]:
    if len(pictures) < 2:
        raise InputError(f"{folder} has one picture, and one more is needed for the test.", hint="Add pictures.")
    test = pictures[HELD_BACK - 1 :: HELD_BACK] or pictures[-1:]
    kept = set(test)
    return [path for path in pictures if path not in kept], test


def _read(classes: dict[str, list[Path]], preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    labels = [number for number, pictures in enumerate(classes.values()) for _ in pictures]
    images = [
        prepare(decode_picture(path, CHANNELS), preprocessing) for pictures in classes.values() for path in pictures
    ]
    return np.stack(images), np.array(labels, np.int64)
