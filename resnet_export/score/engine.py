"""The local engine: pictures are decoded in processes, and run in batches by threads of this one, side by side.

    rate <= 1 / (1 / rate of decoding alone + 1 / rate of the network alone)        each on all CPUs

A CPU runs either a decoder or the network, and as many of each wait for it as there are CPUs: whichever has work, has
the CPU. The queues between them are bounded, and so is the memory.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.callers import answered, open_for_callers
from resnet_export.classify.classifier import Classifier
from resnet_export.classify.decoder import Decoded, Recipe, Source, decode_all
from resnet_export.classify.preparation import Batching, batching_of, run_batch, takes_any_size
from resnet_export.classify.reading import Reading, top_classes
from resnet_export.machine.cpu import usable_cpus
from resnet_export.runtimes import RuntimeSpec
from resnet_export.runtimes.session import Session
from resnet_export.score.results import Error, Fast, Row, Settings

T = TypeVar("T")
ON_CPU, ELSEWHERE = 8, 64
"""Pictures of a batch; on a CPU more of them only take more memory."""

Batch = list[tuple[Source, Decoded]]


@dataclass
class Engine:
    """A classifier that is open, and how it is fed."""

    classifier: Classifier
    session: Session
    callers: int
    """Threads that call it at a time."""
    decoders: int
    """Processes that decode."""
    batching: Batching
    path: Path
    """What the session has open: the classifier's file, or its copy that gives features, too."""
    features: int = 0
    """How many values of a row of the output are features, which stand before those of the classes."""
    waited: dict[str, float] = field(default_factory=lambda: {"decoding": 0.0, "the network": 0.0})
    """Seconds that this thread has waited for each."""

    @property
    def prepared(self) -> bool:
        """Whether pictures are resized and cropped before they are run."""
        return not takes_any_size(self.session, self.classifier)

    @property
    def limit(self) -> Literal["decoding", "the network"] | None:
        """What is waited for most; None where nothing is waited for here."""
        if not any(self.waited.values()):
            return None
        return "decoding" if self.waited["decoding"] >= self.waited["the network"] else "the network"

    def reading(self) -> Reading:
        """What makes probabilities of its outputs."""
        return Reading(self.classifier, self.session, not self.session.takes_file_input)

    def recipe(self, *, fast: bool) -> Recipe:
        """How pictures are decoded for it."""
        return Recipe(self.classifier.preprocessing, self.prepared, fast)

    @property
    def size(self) -> int:
        """Pictures of a batch."""
        return self.batching.size if self.prepared else 1

    def run(self, batch: Batch) -> NDArray[Any] | None:
        """The outputs for the pictures of a batch that can be decoded; None where there are none."""
        pixels = [decoded.pixels for _, decoded in batch if decoded.pixels is not None]
        return run_batch(self.session, self.classifier, np.stack(pixels), self.batching) if pixels else None

    def rows(self, pictures: Iterable[Source], reading: Reading, settings: Settings) -> Generator[Row, None, None]:
        """A row for each picture, in their order.

        Args:
            pictures: taken as they are due.
            reading: makes probabilities of the outputs.
            settings: what the rows have, and after how many of them a batch ends.

        Raises:
            RuntimeFailedError: the runtime fails while it runs.
        """
        decoded = decode_all(pictures, self.recipe(fast=settings.fast), processes=self.decoders)
        batches = batched(self._timed(decoded), self.size, settings.part_size)
        ran = answered(self.run, batches, self.callers, result=self._result)
        with contextlib.closing(decoded), contextlib.closing(ran):
            for batch, outputs in ran:
                yield from self.rows_of(batch, outputs, reading, settings)

    def rows_of(
        self, batch: Batch, outputs: NDArray[Any] | None, reading: Reading, settings: Settings
    ) -> Iterator[Row]:
        """The rows of a batch; see `row_of`."""
        left = iter(() if outputs is None else outputs)
        for source, found in batch:
            output, features = None if found.pixels is None else next(left), None
            if output is not None and self.features:
                features, output = np.split(output, [self.features])
            yield row_of(source, found, output, features, reading, settings)

    def _result(self, future: Future[NDArray[Any] | None]) -> NDArray[Any] | None:
        since = time.perf_counter()
        outputs = future.result()
        self.waited["the network"] += time.perf_counter() - since
        return outputs

    def _timed(self, decoded: Iterator[tuple[Source, Decoded]]) -> Iterator[tuple[Source, Decoded]]:
        while True:
            since = time.perf_counter()
            entry = next(decoded, None)
            self.waited["decoding"] += time.perf_counter() - since
            if entry is None:
                return
            yield entry


def open_engine(
    classifier: Classifier,
    spec: RuntimeSpec,
    decoders: int | None,
    batch: int | None,
    path: Path | None = None,
    features: int = 0,
) -> Engine:
    """Opens the classifier, or its copy at `path` that gives features, too; see `open_for_callers`.

    Raises:
        ResNetExportError: what `RuntimeSpec.open` raises.
    """
    path = path or classifier.path
    session, callers = open_for_callers(spec, path)
    wanted = batch or (ON_CPU if session.placement().on_cpu else ELSEWHERE)
    batching = batching_of(session, classifier.taken, wanted)
    return Engine(classifier, session, callers, decoders or usable_cpus(), batching, path, features)


def batched(items: Iterable[T], size: int, part_size: int) -> Iterator[list[T]]:
    """The items in batches, none of which reaches beyond its part: a part that is made again has the same batches."""
    iterator, taken = iter(items), 0
    while batch := list(itertools.islice(iterator, min(size, part_size - taken % part_size))):
        taken += len(batch)
        yield batch


def row_of(
    source: Source,
    decoded: Decoded,
    output: NDArray[Any] | None,
    features: NDArray[Any] | None,
    reading: Reading,
    settings: Settings,
) -> Row:
    """The row of a picture: its classes, or why it has none.

    Args:
        source: the picture.
        decoded: what was made of it.
        output: the values of its classes; None where it could not be decoded.
        features: what they were made of; None where the row doesn't have them.
        reading: makes probabilities of the output.
        settings: what the row has.

    Raises:
        ModelError: the output is no value for each class.
        LabelsError: the labels are not one for each class.
    """
    probabilities = None if output is None else reading.probabilities(output)
    error: Error | None = decoded.error
    detail = decoded.detail
    if output is not None and probabilities is None:
        error, detail = "not finite", "the network gives numbers that are not finite"
    has_logits = settings.logits and error is None
    return Row(
        path=source.name,
        width=decoded.width,
        height=decoded.height,
        frames=decoded.frames,
        top=() if probabilities is None else top_classes(probabilities, settings.top, reading.classifier.labels),
        logits=None if output is None or not has_logits else tuple(np.ravel(output).tolist()),
        embedding=tuple(features.tolist()) if features is not None and error is None else None,
        error=error,
        detail=detail,
        bytes=source.size,
        modified_ns=source.modified,
    )


def measure_fast(engine: Engine, pictures: Iterable[Source], count: int) -> Fast:
    """How far scaled decoding is from the exact one, on those of the first `count` pictures that it makes otherwise."""
    some, preprocessing = list(itertools.islice(pictures, count)), engine.classifier.preprocessing
    exact, scaled = (
        [one.pixels for _, one in decode_all(some, Recipe(preprocessing, True, fast), processes=engine.decoders)]
        for fast in (False, True)
    )
    pairs = [
        (one, other)
        for one, other in zip(exact, scaled, strict=True)
        if one is not None and other is not None and not np.array_equal(one, other)
    ]
    if not pairs:
        return Fast(0, 0.0, 0.0, 0)

    def top(pixels: NDArray[np.uint8]) -> int:
        output = run_batch(engine.session, engine.classifier, pixels[None], engine.batching)[0]
        return int(output[engine.features :].argmax())

    distances = [np.abs(one.astype(np.int16) - other) for one, other in pairs]
    others = sum(top(one) != top(other) for one, other in pairs)
    mean, largest = np.mean([one.mean() for one in distances]), max(one.max() for one in distances)
    return Fast(len(pairs), float(mean), float(largest), others)
