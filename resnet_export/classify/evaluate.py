"""`evaluate`: how often a file is right on labelled pictures, in any runtime, and beside another file."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import numpy as np

from resnet_export.bench.estimate import Estimate
from resnet_export.classify import metrics
from resnet_export.classify.callers import open_for_callers
from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.classify.data import Dataset, read_dataset
from resnet_export.classify.decoding import doubts, load, thumbnail
from resnet_export.classify.judge import Judge
from resnet_export.classify.live_session import LiveSession
from resnet_export.classify.measures import Answered, Check, EvaluateReport, Judged, Paired
from resnet_export.classify.preparation import Picture, outputs, takes_any_size
from resnet_export.classify.reading import Reading
from resnet_export.errors import ImageError, ModelError, UsageError, quote_some
from resnet_export.keywords import keywords_of
from resnet_export.runtimes import RuntimeSpec

BATCH = 16
"""Pictures of a run: more is hardly faster, and takes more memory."""
THUMBNAILS = 24
"""Pictures that a page shows of the worst mistakes, and of the differences."""


@dataclass(frozen=True)
class EvaluateOptions(Asked):
    """What is asked for. Fields of `Asked` hold for both files.

    Raises:
        UsageError: an option has an invalid value, or contradicts another one.
    """

    path: str | os.PathLike[str]
    """The `.onnx` file, written by this package or not."""
    data: str | os.PathLike[str]
    """A folder of class folders, a `.csv` of path,label, an `.npz` of images and labels, or a folder of IDX files."""
    _: KW_ONLY
    against: str | os.PathLike[str] | object | None = None
    """Another file, or the live `torch.nn.Module` or `keras.Model` that the file was exported from, which is held
    against it picture by picture."""
    runtime: str = "ort:cpu"
    """What runs the file, such as `openvino,threads=2`."""
    against_runtime: str | None = None
    """What runs the other one; None for the same."""
    min_top1: float | None = None
    """The least accuracy, as a share of 1."""
    max_drop: float | None = None
    """How much less accurate than the other file it may be, as a share of 1."""
    batch: int = BATCH
    """Pictures of a run, where file and runtime take any number."""
    thumbnails: bool = False
    """Keeps small copies of the worst mistakes in the result."""

    def __post_init__(self) -> None:
        for name in ("min_top1", "max_drop"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit <= 1:
                raise UsageError(f"{name} is {limit:g}.", hint="Give a share from 0 to 1.")
        if self.against is None and (self.max_drop is not None or self.against_runtime is not None):
            name = "--max-drop" if self.max_drop is not None else "--against-runtime"
            raise UsageError(f"{name} is about another file, and there is none.", hint="Give it with --against FILE.")
        if self.against_is_live and self.against_runtime is not None:
            raise UsageError("A live model runs in its own framework.", hint="Leave against_runtime out.")
        if self.batch < 1:
            raise UsageError(f"batch is {self.batch}.", hint="Give a whole number from 1.")

    @property
    def against_is_live(self) -> bool:
        """Whether the other one is no file."""
        return self.against is not None and not isinstance(self.against, str | os.PathLike)


@keywords_of(EvaluateOptions)
def evaluate(options: EvaluateOptions) -> EvaluateReport:
    """Counts how often a file is right on labelled pictures, each prepared as the file's metadata say.

    Its parameters are the fields of `EvaluateOptions`, where each is described, and those of `Asked`.

    Returns:
        The measures, and the answer to each picture. One that can't be read has a reason in place of an answer, and
        counts for nothing. A limit that isn't kept raises no error: see `checks`.

    Raises:
        ModelError: a file is missing or damaged, takes no picture, or gives no classes.
        InputError: the data can't be read, or the live model can't run.
        ImageError: none of the pictures can be.
        LabelsError: the labels don't fit the network.
        UsageError: an option has an invalid value, or contradicts another one or the file.
        MissingDependencyError: the runtime is not installed.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeFailedError: the runtime fails while it runs.
    """
    files = [(os.fspath(options.path), options.runtime)]
    if isinstance(options.against, str | os.PathLike):
        files.append((os.fspath(options.against), options.against_runtime or options.runtime))
    specs = [options.spec_of(name) for _, name in files]
    with options.stage("read"):
        classifiers = [read_classifier(Path(file), options) for file, _ in files]
        dataset = read_dataset(Path(options.data))
    with contextlib.ExitStack() as sessions:
        readings = list(_opened(options, classifiers, specs, sessions))
        judges = _judged_by(readings, dataset, options)
        by = [*specs, *([None] if options.against_is_live else [])]
        ran = [reading.ran(spec) for reading, spec in zip(readings, by, strict=True)]
        notes = [tuple(reading.notes(spec)) for reading, spec in zip(readings, by, strict=True)]
    answers = _answers(judges)
    kept = list(answers)
    measured = [judge.measured(kept, *facts) for judge, facts in zip(judges, zip(ran, notes, strict=True), strict=True)]
    paired = _pair(list(answers.values())) if len(judges) > 1 else None
    told = [*dataset.notes, *doubts(dataset, classifiers[0]), *(note for one in judges for note in _notes(one, kept))]
    report = EvaluateReport(
        data=dataset.source,
        file=measured[0],
        against=measured[1] if len(measured) > 1 else None,
        paired=paired,
        checks=tuple(_checks(measured[0].accuracy, paired, options, len(kept))),
        pictures=tuple(_judged(dataset, judges, answers)),
        notes=tuple(dict.fromkeys(told)),
    )
    return _with_thumbnails(report, dataset) if options.thumbnails else report


def _opened(
    options: EvaluateOptions,
    classifiers: Sequence[Classifier],
    specs: Sequence[RuntimeSpec],
    sessions: contextlib.ExitStack,
) -> Iterator[Reading]:
    """Opens each file, and the live model, which takes pictures that are prepared as for the file."""
    for classifier, spec in zip(classifiers, specs, strict=True):
        with options.stage(f"open {spec}"):
            session, callers = open_for_callers(spec, classifier.path)
            sessions.enter_context(session)
        yield Reading(classifier, session, not session.takes_file_input, callers)
    if options.against_is_live:
        file = classifiers[0]
        with options.stage("open the model"):
            taken = {"image_size": file.preprocessing.crop, "in_channels": file.taken.channels}
            live = LiveSession(options.against, taken, file.head)
        yield Reading(
            replace(file, path=Path(live.name), head=live.head, notes=live.notes), live, gives_logits=live.gives_logits
        )


def _judged_by(readings: Sequence[Reading], dataset: Dataset, options: EvaluateOptions) -> list[Judge]:
    """Runs all pictures in each file, side by side, and judges the answers."""
    judges = [Judge(reading, dataset) for reading in readings]
    with options.stage("evaluate") as show, contextlib.ExitStack() as streams:
        answers = [
            outputs(reading.session, reading.classifier, loaded, batch=options.batch, callers=reading.callers)
            for reading, loaded in zip(readings, _loaded(readings, dataset, streams), strict=True)
        ]
        for count, (labels, *given) in enumerate(zip(dataset.labels, *answers, strict=True), 1):
            for judge, answer in zip(judges, given, strict=True):
                judge.add(answer, labels)
            if callable(show):
                show(f"{count} of {len(dataset.labels)}")
    for judge in judges:
        judge.refuse_no_answer()
    return judges


def _loaded(
    readings: Sequence[Reading], dataset: Dataset, streams: contextlib.ExitStack
) -> Iterator[Iterator[Picture]]:
    """The pictures for each file; they are decoded once for files that are prepared alike, which take turns."""
    used = [(one.classifier, not takes_any_size(one.session, one.classifier)) for one in readings]
    alike = all(_prepares_alike(*used[0], *one, dataset) for one in used)
    for classifier, prepared in used[:1] if alike else used:
        loaded = streams.enter_context(contextlib.closing(load(dataset, classifier, prepared=prepared)))
        yield from itertools.tee(loaded, len(used)) if alike else (loaded,)


def _prepares_alike(
    first: Classifier, first_prepared: bool, second: Classifier, second_prepared: bool, dataset: Dataset
) -> bool:
    """Whether two files take the same pixels."""
    same = first.preprocessing == second.preprocessing and first_prepared == second_prepared
    return same and (first.taken == second.taken or not dataset.normalised)


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


def _checks(accuracy: Estimate, paired: Paired | None, options: EvaluateOptions, pictures: int) -> Iterator[Check]:
    if options.min_top1 is not None:
        yield metrics.check_minimum(accuracy, options.min_top1, pictures)
    if paired is not None and options.max_drop is not None:
        yield metrics.check_drop(paired, options.max_drop, pictures)


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
