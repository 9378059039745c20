"""`evaluate`: how often a file is right on labelled pictures, in any runtime, and beside another file."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from resnet_export.bench.estimate import Estimate
from resnet_export.classify import metrics
from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.classify.data import Dataset, read_dataset
from resnet_export.classify.decoding import load, thumbnail
from resnet_export.classify.judge import Judge
from resnet_export.classify.live_session import LiveSession
from resnet_export.classify.measures import Answered, Check, EvaluateReport, Judged, Paired
from resnet_export.classify.preparation import outputs, takes_any_size
from resnet_export.classify.reading import Reading
from resnet_export.classify.results import Ran
from resnet_export.errors import ImageError, ModelError, UsageError, quote_some
from resnet_export.graph.interface import Head
from resnet_export.images import Interpolation
from resnet_export.progress import Progress
from resnet_export.runtimes import RuntimeSpec, parse_runtime

BATCH = 16
"""Pictures of a run: more is hardly faster, and takes more memory."""
THUMBNAILS = 24
"""Pictures that a page shows of the worst mistakes, and of the differences."""


class _Side(NamedTuple):
    """A file that ran."""

    judge: Judge
    ran: Ran
    notes: tuple[str, ...]


def evaluate(
    path: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | object | None = None,
    runtime: str = "ort:cpu",
    against_runtime: str | None = None,
    min_top1: float | None = None,
    max_drop: float | None = None,
    batch: int = BATCH,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    image_size: int | None = None,
    resize: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    interpolation: Interpolation | None = None,
    head: Head | None = None,
    allow_fallback: bool = False,
    thumbnails: bool = False,
    progress: Progress | None = None,
) -> EvaluateReport:
    """Counts how often a file is right on labelled pictures, each prepared as the file's metadata say.

    Args:
        path: the `.onnx` file, written by this package or not.
        data: a folder of class folders, a `.csv` of path,label, an `.npz` of images and labels, or a folder of IDX
            files.
        against: another file, or the live `torch.nn.Module` or `keras.Model` that the file was exported from, which is
            held against it picture by picture.
        runtime: what runs the file, such as `openvino,threads=2`.
        against_runtime: what runs the other one; None for the same.
        min_top1: the least accuracy, as a share of 1.
        max_drop: how much less accurate than the other file it may be, as a share of 1.
        batch: pictures of a run, where file and runtime take any number.
        labels: a text file with a class a line, `imagenet`, or the names; None for those in the file. This and the next
            six hold for both files, and mean what they mean to `predict`.
        image_size: height and width in pixels, for a file that leaves them open.
        resize: length of the shorter side after the resize.
        mean: of each channel, on the scale 0..1.
        std: of each channel, on the scale 0..1.
        interpolation: how the pictures are resized.
        head: what the output is: `logits`, `probabilities`, or `sigmoid` (of each class by itself).
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        thumbnails: keep small copies of the worst mistakes in the result.
        progress: entered around each stage with its name.

    Returns:
        The measures, and the answer to each picture. One that can't be read has a reason in place of an answer, and
        counts for nothing. A limit that isn't kept raises no error: see `checks`.

    Raises:
        ModelError: a file is missing or damaged, takes no picture, or gives no classes.
        InputError: the data can't be read, or the live model can't run.
        ImageError: none of the pictures can be.
        LabelsError: the labels don't fit the network.
        UsageError: an option contradicts another one or the file, or there is no such runtime.
        MissingDependencyError: the runtime is not installed.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeFailedError: the runtime fails while it runs.
    """
    live = against is not None and not isinstance(against, str | os.PathLike)
    _refuse(min_top1, max_drop, batch, alone=against is None, other=against_runtime, live=live)
    stage = progress or (lambda name: contextlib.nullcontext())
    asked = Asked(image_size, resize, mean, std, interpolation, head, labels)
    files = [(path, runtime)]
    if isinstance(against, str | os.PathLike):
        files.append((against, against_runtime or runtime))
    specs = [parse_runtime(name).with_fallback(allow_fallback) for _, name in files]
    with stage("read"):
        classifiers = [read_classifier(Path(file), asked) for file, _ in files]
        dataset = read_dataset(Path(data))
    done = [_run_file(*side, dataset, batch, stage) for side in zip(classifiers, specs, strict=True)]
    if live:
        done.append(_run_live(against, done[0], dataset, batch, stage))
    judges = [side.judge for side in done]
    answers = _answers(judges)
    kept = list(answers)
    measured = [judge.measured(kept, ran, notes) for judge, ran, notes in done]
    paired = None if against is None else _pair(list(answers.values()))
    report = EvaluateReport(
        data=dataset.source,
        file=measured[0],
        against=measured[1] if len(measured) > 1 else None,
        paired=paired,
        checks=tuple(_checks(measured[0].accuracy, paired, min_top1, max_drop, len(kept))),
        pictures=tuple(_judged(dataset, judges, answers)),
        notes=tuple(dict.fromkeys([*dataset.notes, *(note for judge in judges for note in _notes(judge, kept))])),
    )
    return _with_thumbnails(report, dataset) if thumbnails else report


def _refuse(
    min_top1: float | None, max_drop: float | None, batch: int, *, alone: bool, other: str | None, live: bool
) -> None:
    for name, limit in (("min_top1", min_top1), ("max_drop", max_drop)):
        if limit is not None and not 0 <= limit <= 1:
            raise UsageError(f"{name} is {limit:g}.", hint="Give a share from 0 to 1.")
    if alone and (max_drop is not None or other is not None):
        name = "--max-drop" if max_drop is not None else "--against-runtime"
        raise UsageError(f"{name} is about another file, and there is none.", hint="Give it with --against FILE.")
    if live and other is not None:
        raise UsageError("A live model runs in its own framework.", hint="Leave against_runtime out.")
    if batch < 1:
        raise UsageError(f"batch is {batch}.", hint="Give a whole number from 1.")


def _run_file(classifier: Classifier, spec: RuntimeSpec, dataset: Dataset, batch: int, stage: Progress) -> _Side:
    """Runs a file on all pictures."""
    with stage(f"open {spec}"):
        session = spec.open(classifier.path)
    with session:
        reading = Reading(classifier, session, gives_logits=not session.takes_file_input)
        judge = _judge(reading, dataset, batch, stage)
        return _Side(judge, reading.ran(spec), tuple(reading.notes(spec)))


def _run_live(model: object, file: _Side, dataset: Dataset, batch: int, stage: Progress) -> _Side:
    """Runs the model that the file was exported from, on pictures that are prepared as for the file."""
    session = LiveSession(model)
    classifier = replace(file.judge.reading.classifier, path=Path(session.name), notes=())
    reading = Reading(classifier, session, gives_logits=False)
    judge = _judge(reading, dataset, batch, stage)
    ran = replace(
        file.ran,
        model=session.name,
        sha256="",
        runtime=session.framework,
        version="",
        placement=session.placement(),
        precision=session.precision,
        activation=reading.activation,
    )
    return _Side(judge, ran, ())


def _judge(reading: Reading, dataset: Dataset, batch: int, stage: Progress) -> Judge:
    """Runs all pictures, and judges the answers."""
    session, classifier, judge = reading.session, reading.classifier, Judge(reading, dataset)
    pictures = contextlib.closing(load(dataset, classifier, prepared=not takes_any_size(session, classifier)))
    with stage("evaluate") as show, pictures as loaded:
        answers = outputs(session, classifier, loaded, batch=batch)
        for count, (answer, labels) in enumerate(zip(answers, dataset.labels, strict=True), 1):
            judge.add(answer.output, labels)
            if callable(show):
                show(f"{count} of {len(dataset.labels)}")
    judge.refuse_no_answer()
    return judge


def _answers(judges: Sequence[Judge]) -> dict[int, tuple[Answered, ...]]:
    """The answers of each file to the pictures that all could use, in the first one's numbering of the classes.

    Raises:
        ModelError: the files have different numbers of classes.
        ImageError: there is no such picture.
    """
    first, *others = judges
    if any(one.reading.classes != first.reading.classes for one in others):
        there = " and ".join(f"{one.reading.classifier.path} has {one.reading.classes}" for one in judges)
        raise ModelError(f"The files have other classes: {there}.", hint="Give two files of the same classes.")
    numberings = [first.matching.numbering(one.matching) for one in judges]

    def answered(judge: Judge, numbering: Mapping[int, int], at: int) -> Answered:
        answer = judge.answered(at)
        return replace(answer, classes=tuple(sorted(numbering[one] for one in answer.classes)))

    places = range(len(first.answers))
    kept = [at for at in places if not any(isinstance(one.answers[at], ImageError) for one in judges)]
    if not kept:
        raise ImageError("No picture can be used by both files.", hint="Give pictures in usual sizes and formats.")
    return {at: tuple(answered(*side, at) for side in zip(judges, numberings, strict=True)) for at in kept}


def _pair(answers: Sequence[tuple[Answered, ...]]) -> Paired:
    first, second = (np.array([one[side].right for one in answers]) for side in (0, 1))
    return metrics.pair(first, second, sum(one[0].classes != one[1].classes for one in answers))


def _checks(
    accuracy: Estimate, paired: Paired | None, min_top1: float | None, max_drop: float | None, pictures: int
) -> Iterator[Check]:
    if min_top1 is not None:
        yield metrics.check_minimum(accuracy, min_top1, pictures)
    if paired is not None and max_drop is not None:
        yield metrics.check_drop(paired, max_drop, pictures)


def _judged(dataset: Dataset, judges: Sequence[Judge], answers: Mapping[int, tuple[Answered, ...]]) -> Iterator[Judged]:
    """Each picture."""
    for at, name in enumerate(dataset.names):
        if at in answers:
            yield Judged(name, judges[0].truths[at], answers[at])
        else:
            found = [judge.answers[at] for judge in judges]
            yield Judged(name, (), (), next(one.message for one in found if isinstance(one, ImageError)))


def _notes(judge: Judge, kept: Sequence[int]) -> Iterator[str]:
    """What a reader has to know of the classes."""
    matching, path, source = judge.matching, judge.reading.classifier.path, judge.dataset.source
    if matching.how == "order":
        named = ", ".join(f"{at} {name}" for at, name in enumerate(matching.names[:3]))
        yield (
            f"The classes of {source} were taken in their sorted order for those of {path}: {named}"
            f"{' and so on' if len(matching.names) > 3 else ''}. No names show it; --labels gives them."
        )
    better = None if judge.kind == "labels" else metrics.better_order(judge.confusion(kept))
    if better is not None:
        count, moved = better
        names = [f"{matching.names[row]} as {matching.names[column]}" for row, column in moved.items()]
        yield (
            f"In another order of the classes, {count / len(kept):.1%} of the answers would be right: most pictures of "
            f"{len(moved)} classes are taken for another one each ({quote_some(names)}). Check the order of the labels."
        )


def _with_thumbnails(report: EvaluateReport, dataset: Dataset) -> EvaluateReport:
    """The same with small copies of the pictures that a page shows."""
    sought = (itertools.islice(found, THUMBNAILS) for found in (report.mistakes(), report.differing()))
    pictures = list(report.pictures)
    for at in {at for at, _ in itertools.chain.from_iterable(sought)}:
        pictures[at] = replace(pictures[at], thumbnail=thumbnail(dataset, at))
    return replace(report, pictures=tuple(pictures))
