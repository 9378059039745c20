"""How far the resize and the crop in a file are from Pillow's: of a random picture, and of pictures of the user's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import ImageError
from resnet_export.graph.cut import write_outputs
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.resizing import CROP
from resnet_export.images import MODES, Preprocessing, as_pixels, decode_picture, find_pictures, prepare
from resnet_export.parity.gate.inputs import MAX_PICTURES, SEED
from resnet_export.parity.results import Inputs, PreparationDistance
from resnet_export.runtimes.session import Session

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 16
"""Levels of 255 that a resize may be off: ONNX Runtime's is 1 off, ONNX's own reference, which cuts off what it should
round, 8, and runtimes that leave the antialiasing out more than 60."""


def measure(
    runtime: str,
    opens: Callable[[Path], Session],
    file: Path,
    taken: ImageInput,
    preprocessing: Preprocessing,
    images: str | os.PathLike[str] | None,
) -> list[PreparationDistance]:
    """Runs what stands before the network; nothing where the file does not prepare its pictures."""
    if not taken.prepares:
        return []
    sets: dict[Inputs, Iterable[Image.Image]] = {"random": [_random(preprocessing)]}
    if images is not None:
        sets["pictures"] = _decoded(find_pictures(images)[:MAX_PICTURES], len(preprocessing.mean))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / file.name
        write_outputs(file, [CROP], cut)
        with opens(cut) as session:
            for kind, pictures in sets.items():
                off = [_distances(session, picture, preprocessing, taken.batch or 1) for picture in pictures]
                if off:
                    values = np.concatenate(off)
                    equal, most = float((values == 0).mean()), int(values.max())
                    found.append(PreparationDistance(runtime, kind, len(off), equal, most))
    return found


def too_far(found: Iterable[PreparationDistance]) -> str | None:
    """Why a runtime does not prepare pictures as the file says; None where it does."""
    largest = max((one.largest for one in found), default=0)
    if largest <= LARGEST:
        return None
    return f"its resize is another one: values of pixels are up to {largest} of 255 from Pillow's"


def _random(preprocessing: Preprocessing) -> Image.Image:
    from PIL import Image

    channels, side = len(preprocessing.mean), preprocessing.resize
    shape = (3 * side // 2 + 1, 2 * side + 3, channels)  # wide: of such, every Pillow resizes the rows first
    noise = np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)
    return Image.fromarray(noise.squeeze(2) if channels == 1 else noise, MODES[channels])


def _decoded(paths: Iterable[Path], channels: int) -> Iterator[Image.Image]:
    for path in paths:
        try:
            yield decode_picture(path, channels)
        except ImageError:  # of which the check has a note
            continue


def _distances(session: Session, picture: Image.Image, preprocessing: Preprocessing, batch: int) -> NDArray[np.int64]:
    """Of each value of the prepared picture."""
    expected = prepare(picture, preprocessing).transpose(2, 0, 1)
    given = np.repeat(as_pixels(picture)[None], batch, axis=0)
    distances: NDArray[np.int64] = np.abs(np.asarray(session.run(given))[0].astype(np.int64) - expected)
    return distances.ravel()
