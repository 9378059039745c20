"""Handwritten digits with a classifier that has learnt them: real pictures, real mistakes, no framework."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from tests.inspect.graphs import model_of

SPLIT = 1200
"""Digits to learn from; the 597 others are unseen."""
SCALE = 4.0
"""Logits of usual sizes."""
BODY = "c = Conv(x, w, b) y = Flatten(c)"


def pixels() -> NDArray[np.uint8]:
    """(597, 8, 8), 0..255."""
    return np.rint(load_digits().images[SPLIT:] * (255 / 16)).astype(np.uint8)


def targets() -> NDArray[np.int64]:
    """(597,)."""
    return np.asarray(load_digits().target[SPLIT:], np.int64)


@cache
def learnt(count: int, *, one: bool = False) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and biases that ridge regression gives on `count` digits: of ten classes, or of the digit 8 alone."""
    images, labels = load_digits().images[:count].reshape(count, -1) / 16, load_digits().target[:count]
    given = np.hstack([images, np.ones((count, 1))])
    wanted = 2.0 * (labels[:, None] == ([8] if one else range(10))) - 1
    found = np.linalg.solve(given.T @ given + np.eye(65), given.T @ wanted) * SCALE
    return found[:64].T.astype(np.float32).reshape(-1, 1, 8, 8), found[64].astype(np.float32)


def network(path: Path, count: int = SPLIT, *, batch: int | str = "N", body: str = BODY, **how: Any) -> Path:
    """A file of another tool: a convolution as large as the picture."""
    w, b = learnt(count, **how)
    signature = f"(float[{batch},1,8,8] x) => (float[{batch},{len(b)}] y)"
    path.write_bytes(model_of(signature, body, w=w, b=b).SerializeToString())
    return path


def logits(count: int = SPLIT, **how: Any) -> NDArray[np.float64]:
    """(597, classes): what the network should give, by NumPy."""
    w, b = learnt(count, **how)
    return pixels().reshape(-1, 64) / 255 @ w.reshape(len(w), 64).T.astype(np.float64) + b


def archive(path: Path, labels: NDArray[Any] | None = None, most: int | None = None) -> Path:
    """The unseen digits as an `.npz`."""
    np.savez(path, images=pixels()[:most], labels=(targets() if labels is None else labels)[:most])
    return path


def folders(path: Path, names: list[str] | None = None, most: int = 60) -> Path:
    """The first of the unseen digits as class folders."""
    for at, (digit, target) in enumerate(zip(pixels()[:most], targets()[:most], strict=True)):
        folder = path / (names[target] if names else str(target))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digit).save(folder / f"{at:03}.png")
    return path
