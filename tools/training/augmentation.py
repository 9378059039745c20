"""Flips and padded crops, drawn with NumPy: a picture gets the same ones in both frameworks, and after a resumption.

What a picture gets follows from the seed, the epoch and its place in the data alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
ORDER, CHANGES = 0, 1
"""What a stream of random numbers is for."""


@dataclass(frozen=True)
class Augmentation:
    """Which changes are made."""

    flip: bool = False
    """Mirror every other picture."""
    padding: int = 0
    """Black pixels that are added on each side before a piece of the old size is cut out."""

    def __call__(self, images: Pixels, picked: NDArray[np.intp], seed: int, epoch: int) -> Pixels:
        """Those of an epoch, made in some of the pictures.

        Args:
            images: all of them, (N, H, W, C).
            picked: places of those that are wanted, (n,).
            seed: of the training.
            epoch: counted from 0.
        """
        taken = images[picked]
        generator = np.random.default_rng([seed, epoch, CHANGES])
        shifts = generator.integers(0, 2 * self.padding + 1, (len(images), 2))[picked]
        mirrored = generator.integers(0, 2, len(images), dtype=bool)[picked]
        if self.padding:
            taken = _shifted(taken, shifts, self.padding)
        if self.flip:
            taken = np.where(mirrored[:, None, None, None], taken[:, :, ::-1], taken)
        return taken


def _shifted(images: Pixels, shifts: NDArray[np.int64], padding: int) -> Pixels:
    """The piece of each padded picture that begins at its shift, (n, 2)."""
    sides = (padding, padding)
    padded = np.pad(images, ((0, 0), sides, sides, (0, 0)))
    count, height, width, _ = images.shape
    down = shifts[:, 0, None, None] + np.arange(height)[None, :, None]
    across = shifts[:, 1, None, None] + np.arange(width)[None, None, :]
    pieces: Pixels = padded[np.arange(count)[:, None, None], down, across]
    return pieces


def batches(count: int, size: int, seed: int, epoch: int) -> list[NDArray[np.intp]]:
    """The places of an epoch's pictures, in full batches: what remains is left out, and comes first in no epoch."""
    order = np.random.default_rng([seed, epoch, ORDER]).permutation(count)
    return [order[start : start + size] for start in range(0, count - size + 1, size)]
