"""The pictures of a calibration: chosen by a seed, prepared as the file says, and kept on the disk, not in memory.

They are decoded once. Of n pictures that can be read, in an order drawn by lot,

    n // 4   are held out: no number of the file depends on them; at most `samples`
    n // 8   choose between ranges and corrections; at most 64
    the rest gives the ranges; at most `samples`
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.data import Dataset, read_dataset
from resnet_export.classify.data.arrays import find_idx, read_archive, read_idx
from resnet_export.classify.decoding import doubts, load
from resnet_export.classify.preparation import Picture
from resnet_export.errors import ImageError, UsageError
from resnet_export.files import reported
from resnet_export.images import Preprocessing, gather_pictures
from resnet_export.terminal import number

CHOOSING = 64
"""Pictures that choose: the error of the logits of so many tells good ranges from bad ones."""


@dataclass(frozen=True)
class Part:
    """Some of the prepared pictures, in their order on the disk."""

    store: Path
    shape: tuple[int, ...]
    """Of one picture: (height, width, channels) of pixels, or (channels, height, width) of what is normalised."""
    dtype: str
    first: int
    count: int

    def batches(self, size: int) -> Iterator[NDArray[Any]]:
        """The pictures in batches of at most so many; each is read when it is needed."""
        each = int(np.prod(self.shape))
        for start in range(0, self.count, size):
            taken = min(size, self.count - start)
            at = (self.first + start) * each * np.dtype(self.dtype).itemsize
            yield np.fromfile(self.store, self.dtype, taken * each, offset=at).reshape(taken, *self.shape)

    def normalised(self, preprocessing: Preprocessing, size: int) -> Iterator[NDArray[np.float32]]:
        """The same as the network takes them, (N, channels, height, width)."""
        for batch in self.batches(size):
            pixels = batch.dtype == np.uint8
            yield np.ascontiguousarray(preprocessing.normalise(batch) if pixels else batch, np.float32)

    @property
    def digest(self) -> str:
        """SHA-256 of what was prepared."""
        found = hashlib.sha256(f"{self.dtype} {self.shape}".encode())
        for batch in self.batches(16):
            found.update(batch.tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Pictures:
    """The three parts."""

    calibration: Part
    choosing: Part
    held_out: Part
    notes: tuple[str, ...] = ()


def gather(given: Sequence[str | os.PathLike[str]]) -> Dataset:
    """The pictures that were named: files, folders, patterns, or one data set, of which the part to train with.

    Raises:
        ImageError: there are none.
        InputError: a data set can't be read.
    """
    paths = [Path(one) for one in given]
    if len(paths) == 1 and paths[0].suffix.lower() == ".npz":
        return read_archive(paths[0], labelled=False, training=True)
    if len(paths) == 1 and paths[0].is_dir() and (files := find_idx(paths[0], training=True)):
        return read_idx(*files)
    if len(paths) == 1 and paths[0].suffix.lower() == ".csv":
        return read_dataset(paths[0])
    found = gather_pictures(given)
    return Dataset(", ".join(map(str, given)), list(map(str, found)), [()] * len(found), found)


def noise(count: int, preprocessing: Preprocessing, seed: int) -> Dataset:
    """Random pixels, of which nothing is known but their number."""
    side, channels = preprocessing.crop, len(preprocessing.mean)
    pixels = np.random.default_rng(seed).integers(0, 256, (count, side, side, channels), np.uint8)
    return Dataset("random numbers", [f"random {at}" for at in range(count)], [()] * count, pixels)


def prepare(
    dataset: Dataset,
    classifier: Classifier,
    folder: Path,
    samples: int,
    seed: int,
    show: Callable[[str], None] | None = None,
) -> Pictures:
    """Chooses and decodes pictures.

    Args:
        dataset: where they come from.
        classifier: says how they are prepared.
        folder: where they are kept.
        samples: how many give the ranges, where there are enough.
        seed: of the choice.
        show: told how it stands.

    Raises:
        ImageError: none can be read.
        UnavailableError: the disk is full.
    """
    if samples < 1:
        raise UsageError(f"samples is {samples}.", hint="Give a whole number from 1.")
    order = list(range(len(dataset.names)))
    random.Random(seed).shuffle(order)
    wanted = order[: 2 * samples + CHOOSING]
    whole, problems = _stored(load(_chosen(dataset, wanted), classifier), folder / "pictures", len(wanted), show)
    count = whole.count
    if not count:
        raise ImageError(
            f"None of {number(len(wanted), 'picture')} can be used; the first: {problems[0]}",
            hint="Give pictures in a usual format, such as JPEG or PNG.",
        )
    held_out, choosing = min(count // 4, samples), min(count // 8, CHOOSING)
    calibration = min(count - held_out - choosing, samples)
    return Pictures(
        replace(whole, count=calibration),
        replace(whole, first=calibration, count=choosing),
        replace(whole, first=calibration + choosing, count=held_out),
        (*doubts(dataset, classifier), *_notes(problems, calibration, samples, choosing, held_out)),
    )


def _stored(
    loaded: Iterable[Picture],
    store: Path,
    total: int,
    show: Callable[[str], None] | None,
) -> tuple[Part, list[str]]:
    """(those that can be read, on the disk, why the others can't)."""
    problems: list[str] = []
    shape, dtype, count = (0,), "uint8", 0
    with reported(store), store.open("wb") as file:
        for at, pixels in enumerate(loaded, 1):
            if isinstance(pixels, ImageError):
                problems.append(pixels.message)
                continue
            kept = pixels if pixels.dtype == np.uint8 else np.asarray(pixels, np.float32)
            shape, dtype, count = kept.shape, kept.dtype.name, count + 1
            file.write(kept.tobytes())
            if show is not None:
                show(f"{at} of {total}")
    return Part(store, shape, dtype, 0, count), problems


def _chosen(dataset: Dataset, order: Sequence[int]) -> Dataset:
    given = dataset.pictures
    taken = given[np.array(order)] if isinstance(given, np.ndarray) else [given[at] for at in order]
    names, labels = [dataset.names[at] for at in order], [dataset.labels[at] for at in order]
    return replace(dataset, names=names, labels=labels, pictures=taken)


def _notes(problems: Sequence[str], calibration: int, samples: int, choosing: int, held_out: int) -> Iterator[str]:
    if problems:
        yield f"{number(len(problems), 'picture')} could not be read; the first: {problems[0]}"
    if calibration < samples:
        yield (
            f"Calibrated with {number(calibration, 'picture')} of the {samples} that --samples asks for: {choosing} "
            f"more chose between ranges, and {held_out} were held out."
        )
    if not held_out:
        yield "No picture could be held out, so that nothing shows how often the file agrees with float32."
