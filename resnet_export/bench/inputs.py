"""What the networks are timed on: several seeded random batches, in the form that a runtime takes."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

COUNT = 4
"""Batches that take turns: with one alone, caches and branch predictors learn the numbers by heart."""
SEED = 20151210
"""Of the random images: the day on which the paper on residual networks appeared."""


@dataclass(frozen=True)
class Images:
    """The images that a model takes, all sizes known."""

    dtype: str
    """As NumPy calls it."""
    layout: Literal["nchw", "nhwc"]
    channels: int
    height: int
    """In pixels."""
    width: int
    """In pixels."""

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        """Of a batch as the file takes it."""
        if self.layout == "nhwc":
            return (batch, self.height, self.width, self.channels)
        return (batch, self.channels, self.height, self.width)

    def draw(self, batch: int, *, as_file: bool = True) -> list[NDArray[Any]]:
        """`COUNT` batches.

        Args:
            batch: images in each.
            as_file: as the file takes them; else normalised, float32, (N, C, H, W).
        """
        generator = np.random.default_rng(SEED)
        shape = self.shape(batch) if as_file else (batch, self.channels, self.height, self.width)
        if as_file and self.dtype in ("uint8", "int8"):
            limits = np.iinfo(self.dtype)
            return [generator.integers(limits.min, limits.max + 1, shape, dtype=self.dtype) for _ in range(COUNT)]
        if self.dtype == "bfloat16":
            import ml_dtypes  # noqa: F401 - gives NumPy the name
        dtype = self.dtype if as_file else np.float32
        return [generator.standard_normal(shape, dtype=np.float32).astype(dtype) for _ in range(COUNT)]
