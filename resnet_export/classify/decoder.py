"""`Decoder`: decodes and prepares pictures in a process of its own, which imports nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import ImageError
from resnet_export.images import Preprocessing, load_pictures


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
