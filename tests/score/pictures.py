"""Folders of pictures, good and bad."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def draw(path: Path, seed: int, size: tuple[int, int] = (48, 40)) -> Path:
    """A picture of a few colours, different for each seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def folder_of(root: Path, count: int) -> Path:
    """JPEGs, `p000.jpg` and so on."""
    root.mkdir()
    for seed in range(count):
        draw(root / f"p{seed:03d}.jpg", seed)
    return root


def claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it were so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def frames(path: Path, count: int) -> Path:
    """A GIF of several frames, each of another grey."""
    pictures = [Image.new("L", (40, 40), 60 * number + 30) for number in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    return path
