"""Pictures to batches for a session, and each picture's row of the output back.

Each picture is run by itself, unless the file or the runtime takes another number: then its answer depends on no other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.callers import answered
from resnet_export.classify.classifier import Classifier
from resnet_export.error_text import running
from resnet_export.errors import ImageError, ModelError
from resnet_export.graph.foreign import ImageInput
from resnet_export.images import Preprocessing
from resnet_export.runtimes.session import Session

Picture = NDArray[Any] | ImageError
"""uint8 (height, width, C), 0..255, prepared up to the normalisation, or as it is where the file prepares it;
floating-point (C, height, width), normalised already; or why there is none."""


class Batching(NamedTuple):
    """How many pictures a run takes."""

    size: int
    fixed: bool
    """Whether it takes no fewer."""


def outputs(
    session: Session, classifier: Classifier, pictures: Iterable[Picture], *, batch: int, callers: int = 1
) -> Iterator[NDArray[Any] | ImageError]:
    """Runs pictures, and gives the row of the output of each, or why there is none; that one takes no part in a batch.

    Args:
        session: of the classifier's file, or a live model.
        classifier: says how pictures are prepared.
        pictures: taken as they are run.
        batch: pictures of a run, where file and runtime take any number.
        callers: threads that run batches; 1 means this one.

    Raises:
        RuntimeFailedError: the runtime fails while it runs.
    """
    batching = batching_of(session, classifier.taken, batch)

    def run(together: list[Picture]) -> list[NDArray[Any]]:
        pixels = [one for one in together if not isinstance(one, ImageError)]
        return list(run_batch(session, classifier, np.stack(pixels), batching)) if pixels else []

    batches = _batches(pictures, 1 if takes_any_size(session, classifier) else batching.size)
    ran = answered(run, batches, callers) if callers > 1 else ((one, run(one)) for one in batches)
    with contextlib.closing(ran):
        for together, found in ran:
            rows = iter(found)
            for one in together:
                yield one if isinstance(one, ImageError) else next(rows)


def takes_any_size(session: Session, classifier: Classifier) -> bool:
    """Whether pictures are given as they are, of which no two need have one size."""
    return session.takes_file_input and classifier.taken.prepares


def batching_of(session: Session, taken: ImageInput, wanted: int) -> Batching:
    """The batch that comes next to the wanted one, of those that the file and the runtime take."""
    if session.batches is not None:
        known = [size for size in session.batches if size <= wanted]
        return Batching(max(known, default=min(session.batches)), fixed=True)
    if session.takes_file_input and taken.batch is not None:
        return Batching(taken.batch, fixed=True)
    return Batching(wanted, fixed=False)


def session_input(
    session: Session, taken: ImageInput, preprocessing: Preprocessing, pixels: NDArray[Any]
) -> NDArray[Any]:
    """Pixels 0..255, (N, H, W, C), or normalised pictures, (N, C, H, W), as the session takes them."""
    if session.takes_file_input and taken.dtype == "uint8":
        return taken.arrange(pixels)
    normalised = _normalised(preprocessing, pixels) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    if not session.takes_file_input:
        return np.ascontiguousarray(normalised)
    return taken.arrange(np.transpose(normalised, (0, 2, 3, 1)))


def _normalised(preprocessing: Preprocessing, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`Preprocessing.normalise` rounded to float32, by a table of the 256 values: six times as fast."""
    values = np.arange(256, dtype=np.uint8)[None, :, None, None]
    table = preprocessing.normalise(np.repeat(values, pixels.shape[3], axis=3)).astype(np.float32)[0, :, :, 0]
    ordered = pixels[..., ::-1] if preprocessing.bgr else pixels
    return np.stack([table[channel].take(ordered[..., channel]) for channel in range(len(table))], axis=1)


def _batches(pictures: Iterable[Picture], size: int) -> Iterator[list[Picture]]:
    """The pictures in groups of which each but the last has `size` that can be read."""
    together: list[Picture] = []
    readable = 0
    for one in pictures:
        together.append(one)
        readable += not isinstance(one, ImageError)
        if readable == size:
            yield together
            together, readable = [], 0
    if together:
        yield together


def run_batch(session: Session, classifier: Classifier, pixels: NDArray[Any], batching: Batching) -> NDArray[Any]:
    """The output for a batch; a fixed one is filled up with its last picture."""
    missing = batching.size - len(pixels) if batching.fixed else 0
    filled = np.pad(pixels, ((0, missing), (0, 0), (0, 0), (0, 0)), mode="edge")
    given = session_input(session, classifier.taken, classifier.preprocessing, filled)
    with running(session.name):
        output = np.asarray(session.run(given))
    return rows_of(output, len(filled))[: len(pixels)]


def rows_of(output: NDArray[Any], batch: int) -> NDArray[Any]:
    """The output as (batch, ...): a file for one picture may leave that axis out.

    Raises:
        ModelError: it has another number of rows.
    """
    if output.ndim and len(output) == batch:
        return output
    if batch == 1:
        return output[None]
    raise ModelError(
        f"The file was given a batch of {batch}, and its output is of {' x '.join(map(str, output.shape))}.",
        hint="Give a file whose first output has a row for each picture.",
    )
