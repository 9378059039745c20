"""`Dataset`: pictures with their labels, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = str | int
"""The name of a class, or its place in the output."""


@dataclass(frozen=True)
class Dataset:
    """Pictures with their labels."""

    source: str
    """What was given."""
    names: Sequence[str]
    """What results call the pictures: paths, or such as `val.npz[17]`."""
    labels: Sequence[tuple[Label, ...]]
    """Of each picture; usually one."""
    pictures: Sequence[Path] | NDArray[Any]
    """uint8 (N, H, W, C), 0..255; or floating-point (N, C, H, W), as the network takes them."""
    classes: tuple[str, ...] | None = None
    """Names of all classes, sorted, where the data have such; None where their labels are numbers."""
    columns: int | None = None
    """How many classes the labels know, where each picture has a row of 0 and 1."""
    notes: tuple[str, ...] = ()

    @property
    def normalised(self) -> bool:
        """Whether the pictures are arrays that the network takes as they are."""
        return isinstance(self.pictures, np.ndarray) and self.pictures.dtype.kind == "f"
