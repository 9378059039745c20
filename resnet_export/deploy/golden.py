"""Golden pictures: what decoders and resizes get wrong, made the same on every run, and photographs of the user's.

A PNG is decoded to the same pixels everywhere; decoders of JPEG differ.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnet_export.images import decode_picture, find_pictures

MAX_PHOTOGRAPHS = 12
MAX_PIXELS = 1_000_000
"""A larger photograph is scaled down: a bundle should not be many times as large as its network."""
EXIF_ORIENTATION = 0x0112
QUARTER_TURN, MIRRORED_TURN = 6, 5
BLOCK = 80
"""Pixels a side of the squares in the largest picture: whole blocks of JPEG, so that it takes few bytes."""
LOSSLESS = ".png"


def write_golden(folder: Path, images: str | os.PathLike[str] | None = None) -> list[str]:
    """Writes the pictures into a folder.

    Args:
        folder: where they go. It exists.
        images: a folder of photographs, of which the first `MAX_PHOTOGRAPHS` take part.

    Returns:
        Their names, in order.

    Raises:
        ImageError: `images` holds no picture, or one that can't be read.
    """
    for name, save in PICTURES.items():
        save(folder / name)
    photographs = [] if images is None else find_pictures(images)[:MAX_PHOTOGRAPHS]
    for number, path in enumerate(photographs, len(PICTURES) + 1):
        _add_photograph(path, folder / f"{number}-{path.name}")
    return sorted(path.name for path in folder.iterdir())


def is_lossless(name: str) -> bool:
    """Whether every decoder gives the same pixels of it."""
    return name.endswith(LOSSLESS) and name in PICTURES


def _add_photograph(path: Path, target: Path) -> None:
    picture = decode_picture(path)
    if picture.width * picture.height <= MAX_PIXELS:
        shutil.copyfile(path, target)
        return
    share = (MAX_PIXELS / (picture.width * picture.height)) ** 0.5
    picture.resize((max(1, int(picture.width * share)), max(1, int(picture.height * share)))).save(
        target.with_suffix(".jpg"), quality=92
    )


def _scene(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Coloured waves, and squares with sharp edges: (height, width, 3)."""
    generator = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width] / max(width, height)
    channels = []
    for _ in range(3):
        turns, phase = generator.uniform(1, 9, 2), generator.uniform(0, 6)
        channels.append(128 + 90 * np.sin(2 * np.pi * (turns[0] * down + turns[1] * across) + phase))
    scene = np.stack(channels, axis=-1)
    for _ in range(6):
        top, left = generator.integers(0, (max(1, height - 1), max(1, width - 1)))
        scene[top : top + height // 4, left : left + width // 4] = generator.uniform(0, 255, 3)
    return scene.clip(0, 255).astype(np.uint8)


def _picture(width: int, height: int, seed: int) -> Image.Image:
    return Image.fromarray(_scene(width, height, seed))


def _sixteen_bits(path: Path) -> None:
    grey = _scene(200, 150, 3).astype(np.uint16)
    Image.fromarray(257 * grey[..., 0] // 2 + 64 * grey[..., 1]).save(path)


def _palette(path: Path) -> None:
    _picture(180, 120, 4).quantize(64).save(path, transparency=bytes(range(0, 256, 4)))


def _alpha(path: Path) -> None:
    scene = _scene(160, 160, 5)
    Image.fromarray(np.dstack([scene, scene[..., 0]])).save(path)


def _turned(orientation: int, seed: int) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        _picture(320, 200, seed).save(path, exif=exif, quality=90)

    return save


def _large(path: Path) -> None:
    colours = np.random.default_rng(14).integers(0, 256, (-(-3000 // BLOCK), 4000 // BLOCK, 3), np.uint8)
    Image.fromarray(np.kron(colours, np.ones((BLOCK, BLOCK, 1), np.uint8))[:3000]).save(path, quality=90)


PICTURES: dict[str, Callable[[Path], None]] = {
    "01-colour.png": lambda path: _picture(320, 240, 1).save(path),
    "02-grey.png": lambda path: _picture(300, 200, 2).convert("L").save(path),
    "03-sixteen-bits.png": _sixteen_bits,
    "04-palette.png": _palette,
    "05-alpha.png": _alpha,
    "06-1x500.png": lambda path: _picture(1, 500, 6).save(path),
    "07-31x17.png": lambda path: _picture(31, 17, 7).save(path),
    "08-colour.jpg": lambda path: _picture(400, 300, 8).save(path, quality=90),
    "09-turned.jpg": _turned(QUARTER_TURN, 9),
    "10-mirrored.jpg": _turned(MIRRORED_TURN, 10),
    "11-grey.jpg": lambda path: _picture(240, 320, 11).convert("L").save(path, quality=90),
    "12-cmyk.jpg": lambda path: _picture(256, 192, 12).convert("CMYK").save(path, quality=90),
    "13-progressive.jpg": lambda path: _picture(333, 251, 13).save(path, quality=75, progressive=True),
    "14-4000x3000.jpg": _large,
}
"""Name -> what writes it."""
