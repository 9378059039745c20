"""`summarise`: what the parts in a folder say together, read once from the first to the last."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import replace
from typing import Any

from resnet_export.classify.decoder import Recipe, Source, decode_all
from resnet_export.classify.decoding import as_png
from resnet_export.classify.results import ClassProbability
from resnet_export.errors import InputError
from resnet_export.images import Preprocessing
from resnet_export.score import tables
from resnet_export.score.output import read_manifest, read_part
from resnet_export.score.results import BINS, ClassCount, Failed, Run, ScoreReport, Unsure
from resnet_export.storage import Folder, name_of, place_of

UNSURE = 24
"""Pictures whose class is least sure that are kept."""
SQUARE = Preprocessing(80, 80, (0.0,) * 3, (1.0,) * 3)
"""A thumbnail: 80 x 80 pixels of its middle."""
COLUMNS = ("path", "frames", "error", "classes", "labels", "probabilities")


def summarise(folder: str, run: Run | None = None, *, thumbnails: bool = False) -> ScoreReport:
    """Reads a folder that `score` has written.

    Args:
        folder: its path or address.
        run: that has ended with it.
        thumbnails: whether the least sure pictures have small copies.

    Raises:
        InputError: it has no manifest, or a part is missing.
        UnavailableError: it can't be read.
    """
    place = Folder(folder)
    manifest = read_manifest(place)
    if manifest is None:
        raise InputError(
            f"{name_of(folder)} holds no results of score.", hint="Give a folder that score --output has written."
        )
    seen = _Seen()
    for part in manifest.parts:
        for row in tables.read(read_part(place, part), manifest.settings, COLUMNS):
            seen.add(row)
    unsure = tuple(Unsure(path, found) for _, path, found in sorted(seen.unsure, key=lambda one: (-one[0], one[1])))
    return ScoreReport(
        folder=name_of(folder),
        model=manifest.model,
        sha256=manifest.settings.sha256,
        runtime=manifest.settings.runtime,
        rows=sum(part.rows for part in manifest.parts),
        several_frames=seen.several_frames,
        classes=tuple(ClassCount(*found, count) for found, count in seen.classes.most_common()),
        histogram=tuple(seen.histogram),
        errors=tuple(Failed(reason, count, seen.examples[reason]) for reason, count in seen.errors.most_common()),
        unsure=_with_thumbnails(unsure) if thumbnails else unsure,
        parts=len(manifest.parts),
        run=run,
    )


def _with_thumbnails(unsure: tuple[Unsure, ...]) -> tuple[Unsure, ...]:
    """The same with the middle of each picture, where it is still there."""
    from PIL import Image

    sources = [Source(one.path, place_of(one.path)) for one in unsure]
    found = [decoded.pixels for _, decoded in decode_all(sources, Recipe(SQUARE, fast=True), processes=1)]
    return tuple(
        one if pixels is None else replace(one, thumbnail=as_png(Image.fromarray(pixels)))
        for one, pixels in zip(unsure, found, strict=True)
    )


class _Seen:
    """The rows so far."""

    def __init__(self) -> None:
        self.classes: Counter[tuple[int, str | None]] = Counter()
        self.errors: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.histogram = [0] * BINS
        self.unsure: list[tuple[float, str, ClassProbability]] = []
        self.several_frames = 0

    def add(self, row: dict[str, Any]) -> None:
        """Counts a row."""
        self.several_frames += row["frames"] > 1
        if row["error"] is not None:
            self.errors[row["error"]] += 1
            self.examples.setdefault(row["error"], row["path"])
            return
        first = ClassProbability(row["classes"][0], row["labels"][0], row["probabilities"][0])
        self.classes[first.index, first.label] += 1
        self.histogram[min(BINS - 1, math.floor(first.probability * BINS))] += 1
        entry = (-first.probability, row["path"], first)
        if len(self.unsure) < UNSURE:
            heapq.heappush(self.unsure, entry)
        elif entry[:2] > self.unsure[0][:2]:
            heapq.heapreplace(self.unsure, entry)
