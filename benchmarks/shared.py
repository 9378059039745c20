"""What the scripts share: their options, their results as JSON, and the photographs that scikit-learn brings."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

FOLDER = Path(__file__).parent / "results"
SIZE = (500, 375)
"""Width and height of most pictures of ImageNet."""


def parser(description: str, results: Path) -> argparse.ArgumentParser:
    """What every script has among its options."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--output", type=Path, default=results, metavar="FILE", help="the JSON; another leaves pages alone"
    )
    return made


def kept(path: Path, key: str) -> list[dict[str, Any]]:
    """The rows that the results hold already, so that a long sweep can be made in parts."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))[key] if path.exists() else []
    return rows


def write(path: Path, **found: Any) -> None:
    """Writes the results."""
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def photographs() -> list[Image.Image]:
    """The two of them."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    return [Image.fromarray(pixels) for pixels in load_sample_images().images]


def write_photographs(folder: Path, suffix: str) -> Path:
    """A new folder with both."""
    folder.mkdir()
    for name, photo in zip(("china", "flower"), photographs(), strict=True):
        photo.save(folder / f"{name}{suffix}", quality=95)
    return folder


def cuts(count: int) -> Iterator[Image.Image]:
    """Parts of them, as large as most pictures of ImageNet, at places that are drawn by lot."""
    photos, moves = photographs(), random.Random(0)
    for number in range(count):
        photo = photos[number % len(photos)]
        left, top = (moves.randrange(side - part + 1) for side, part in zip(photo.size, SIZE, strict=True))
        yield photo.crop((left, top, left + SIZE[0], top + SIZE[1]))
