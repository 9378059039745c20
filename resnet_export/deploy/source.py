"""The file that is carried elsewhere: what it takes and gives, how pictures are prepared for it, and its truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.errors import ImageError, ModelError
from resnet_export.files import sha256
from resnet_export.graph.interface import Head
from resnet_export.images import Preprocessing, find_pictures, load_pictures
from resnet_export.parity.description import describe
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.runtimes.bundle import Input
from resnet_export.runtimes.session import Precision

Platform = Literal["amd64", "arm"]
MAX_CALIBRATION = 256
"""Pictures of a folder that give ranges: more hardly change them."""


@dataclass(frozen=True)
class Form(Input):
    """What a file takes and gives."""

    output: str
    """Name of the output."""
    head: Head
    """What the output is."""


@dataclass(frozen=True)
class Source:
    """A file with all that a bundle of it needs."""

    path: Path
    sha256: str
    classifier: Classifier
    tested: ModelUnderTest
    """What its truth is evaluated with."""
    calibration: tuple[NDArray[np.uint8], ...] = ()
    """Prepared pictures, (height, width, channels), for targets that quantise by themselves."""
    platform: Platform | None = None
    """The kind of CPU that is optimised for; None for this machine's."""

    @property
    def precision(self) -> Precision:
        """In what its numbers are stored."""
        return self.tested.precision

    @property
    def form(self) -> Form:
        """What it takes and gives."""
        taken = self.classifier.taken
        return Form(
            name=taken.name,
            dtype=taken.dtype,
            layout=taken.layout,
            batch=taken.batch,
            channels=taken.channels,
            embedded="image" if taken.prepares else "uint8" if self.classifier.raw_pixels else "none",
            output=self.classifier.output,
            head=self.classifier.head,
        )

    @property
    def without_preparation(self) -> Source:
        """The same network where a client prepares its pictures, and not the file."""
        taken = replace(self.classifier.taken, prepares=False)
        return replace(self, classifier=replace(self.classifier, taken=taken))


def read_source(
    path: str | os.PathLike[str], labels: str | os.PathLike[str] | Sequence[str] | None, folder: Path
) -> Source:
    """Reads a file.

    Args:
        path: the `.onnx` file, written by this package or not.
        labels: a text file with a class a line, or the names; None for those in the file.
        folder: where a copy of it with other outputs may be put.

    Raises:
        ModelError: it is missing or damaged, takes no picture, gives no classes, or is not the network that it says.
        LabelsError: the labels can't be read, or are not one for each class.
    """
    file = Path(path)
    classifier = read_classifier(file, Asked(labels=labels))
    tested = describe(file, None, folder)
    if tested.wrong is not None:
        raise ModelError(
            f"{file} is not the network that it says it is. {tested.wrong}",
            hint=f"Look at it with: resnet-export verify {file}",
        )
    return Source(file, sha256(file), classifier, tested)


def calibration_pictures(folder: str | os.PathLike[str], preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], ...]:
    """The pictures of a folder, prepared, but for those that can't be read.

    Raises:
        ImageError: there is none.
    """
    paths = find_pictures(folder, hint="Give a folder of pictures with --calibrate.")[:MAX_CALIBRATION]
    found = list(load_pictures(paths, preprocessing))
    if all(isinstance(one, ImageError) for one in found):
        raise ImageError(f"No picture in {folder} can be read.", hint="Give another folder with --calibrate.")
    return tuple(one for one in found if not isinstance(one, ImageError))
