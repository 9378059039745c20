"""What the network makes of pictures in float64, and how far its float32 is from that: the measure of every bundle."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from resnet_export.deploy.source import Source
from resnet_export.graph.cut import write_outputs
from resnet_export.graph.resizing import CROP
from resnet_export.images import as_pixels, decode_picture, prepare
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.evaluation import activate
from resnet_export.parity.gate.gate import compare, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.reference.oracles import Real, Truths
from resnet_export.parity.results import Comparison, Quantity
from resnet_export.runtimes import open_session
from resnet_export.runtimes.session import Precision

Pixels = NDArray[np.uint8]
"""(height, width, channels), 0..255."""


@dataclass(frozen=True)
class Golden:
    """The golden pictures, what a client should see of each, and the network's answers to them."""

    folder: Path
    pixels: Mapping[str, Pixels]
    """Name -> the pixels that a client hands to the network: prepared, or as decoded where the file prepares them."""
    answers: Answers

    @property
    def classes(self) -> int:
        """How many the network tells apart."""
        return len(self.answers.of([next(iter(self.pixels.values()))], logits=True)[0])

    def bound(self, precision: Precision, *, logits: bool) -> float:
        """How far a score in that precision may be from the truth, by the rule of `verify`."""
        return self.answers.judge("", None, self.pixels.values(), precision, logits=logits).bound

    def digest(self, name: str) -> str:
        """SHA-256 of the pixels."""
        return hashlib.sha256(self.pixels[name].tobytes()).hexdigest()


class Answers:
    """The logits of any pixels, each computed once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[tuple[bytes, Real], Floats] = {}

    def of(self, pixels: Iterable[Pixels], *, logits: bool, dtype: Real = np.float64) -> Floats:
        """(N, classes) in float64 or float32: logits, or what the file's head makes of them."""
        rows = list(pixels)
        keys = [(hashlib.sha256(one.tobytes() + repr(one.shape).encode()).digest(), dtype) for one in rows]
        new = {key: one for key, one in zip(keys, rows, strict=True) if key not in self._known}
        if new:
            prepared = np.stack(self._prepared(list(new.values())))
            found = Truths(self._source.tested.oracle).of(self.inputs(prepared), "logits", dtype)
            self._known |= dict(zip(new, found, strict=True))
        values = np.stack([self._known[key] for key in keys])
        activation = self._source.tested.activation
        return values if logits or activation is None else activate(values, activation)

    def judge(
        self, name: str, scores: Floats | None, pixels: Iterable[Pixels], precision: Precision, *, logits: bool
    ) -> Comparison:
        """The scores of a client for these pixels against their truth; None for those in float32, the yardstick's."""
        rows = list(pixels)
        truth, rounded = (self.of(rows, logits=logits, dtype=dtype) for dtype in (np.float64, np.float32))
        quantity: Quantity = "logits" if logits else "probabilities"
        found, error = rounded if scores is None else scores, max_error(rounded, truth)
        return compare(name, "pictures", quantity, found, truth, error, precision=precision)

    def _prepared(self, pixels: list[Pixels]) -> list[Pixels]:
        """What the network itself gets: a file that prepares its pictures does so in ONNX Runtime."""
        if not self._source.classifier.taken.prepares:
            return pixels
        with tempfile.TemporaryDirectory() as folder:
            cut = Path(folder) / self._source.path.name
            write_outputs(self._source.path, [CROP], cut)
            with open_session("ort:cpu", cut) as session:
                batch = self._source.form.batch or 1
                runs = [np.asarray(session.run(np.repeat(one[None], batch, axis=0)))[0] for one in pixels]
        return [run.transpose(1, 2, 0).astype(np.uint8) for run in runs]

    def inputs(self, pixels: NDArray[np.uint8]) -> InputSet:
        """Prepared pixels, (N, height, width, channels), as the file and as the network take them."""
        normalised: NDArray[Any] = self._source.classifier.preprocessing.normalise(pixels)
        raw: NDArray[Any] = pixels.transpose(0, 3, 1, 2)
        dtype = self._source.classifier.taken.dtype
        if dtype != "uint8":  # the file takes rounded numbers, which are then the truth's input
            raw = normalised.astype(dtype)
            normalised = raw.astype(np.float64)
        return InputSet("pictures", raw, normalised.astype(np.float32), raw, normalised, (len(raw),))


def read_golden(source: Source, folder: Path, names: Iterable[str]) -> Golden:
    """Prepares the golden pictures with Pillow.

    Raises:
        ImageError: a picture can't be read.
    """
    preprocessing, as_it_is = source.classifier.preprocessing, source.classifier.taken.prepares
    pixels = {}
    for name in names:
        picture = decode_picture(folder / name, source.form.channels)
        pixels[name] = as_pixels(picture) if as_it_is else prepare(picture, preprocessing)
    return Golden(folder, pixels, Answers(source))


def columns_first() -> bool:
    """Whether the installed Pillow may resize the columns before the rows, which changes a few values by 1 of 255.

    From release 13 on it does so where the height shrinks by more than twice as many pixels as the width.
    """
    return int(PIL.__version__.partition(".")[0]) >= 13
