"""`Judge`: the answers of a file to labelled pictures, and what they say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify import metrics
from resnet_export.classify.data import Dataset, Label
from resnet_export.classify.matching import Matching, match_labels
from resnet_export.classify.measures import Answered, ClassScore, Kind, Measured
from resnet_export.classify.reading import Reading
from resnet_export.classify.results import Ran
from resnet_export.errors import ImageError, LabelsError

NO_ANSWER = Answered((), right=False, probability=None, truth_probability=None, rank=None)
"""Of a network that gives numbers which are not finite: it is wrong."""
TOP = 5


class Judge:
    """The answers so far."""

    def __init__(self, reading: Reading, dataset: Dataset) -> None:
        """Begins with none.

        Args:
            reading: makes probabilities of the outputs.
            dataset: says what is right.
        """
        self.reading, self.dataset = reading, dataset
        self.answers: list[Answered | ImageError] = []
        self.truths: list[tuple[int, ...]] = []
        """Of each picture, its classes; nothing of one that could not be read."""
        self._matching: Matching | None = None
        self._rows: list[NDArray[np.float64] | None] = []
        """Of each picture, the probabilities; None where there are none, and where one of several classes is sought."""

    @property
    def kind(self) -> Kind:
        """What the network says of a picture."""
        if self.reading.classes == 1:
            return "binary"
        return "labels" if self.reading.classifier.head == "sigmoid" else "classes"

    @property
    def matching(self) -> Matching:
        """Label -> class; known from the first output on."""
        if self._matching is None:
            classifier = self.reading.classifier
            self._matching = match_labels(self.dataset, classifier.labels, self.reading.classes, str(classifier.path))
        return self._matching

    def add(self, output: NDArray[Any] | ImageError, labels: tuple[Label, ...]) -> None:
        """Judges the answer to the next picture.

        Args:
            output: its row of the output, or why there is none.
            labels: what it is.

        Raises:
            ModelError: the output is no value for each class.
            LabelsError: the labels do not fit the network.
        """
        if isinstance(output, ImageError):
            self._append(output, (), None)
            return
        probabilities = self.reading.probabilities(output)
        truth = self.matching.truth(labels)
        if self.kind != "labels" and len(truth) != 1:
            raise LabelsError(
                f"{self.dataset.names[len(self.answers)]} has {len(truth)} labels, and "
                f"{self.reading.classifier.path} gives one of several classes.",
                hint="Give one label for each picture, or --head sigmoid for a network that gives several.",
            )
        if probabilities is None:
            self._append(NO_ANSWER, truth, None)
        elif self.kind == "labels":
            self._append(_several(probabilities, truth), truth, probabilities)
        elif self.kind == "binary":
            self._append(_one(np.append(1 - probabilities, probabilities), truth[0]), truth, probabilities)
        else:
            self._append(_one(probabilities, truth[0]), truth, None)

    def refuse_no_answer(self) -> None:
        """Finds out whether a picture has an answer.

        Raises:
            ImageError: no picture could be read.
            ModelError: the network has an answer for none of them.
        """
        unread = [answer.message for answer in self.answers if isinstance(answer, ImageError)]
        silent = ["" for answer in self.answers if answer is NO_ANSWER]
        self.reading.refuse_no_answer([*unread, *silent], len(self.answers))

    def answered(self, at: int) -> Answered:
        """The answer to a picture that could be read."""
        answer = self.answers[at]
        assert isinstance(answer, Answered), "whoever asks knows that it could be read"
        return answer

    def measured(self, kept: Sequence[int], ran: Ran, notes: tuple[str, ...]) -> Measured:
        """What the answers say of the file.

        Args:
            kept: places of the pictures that count: those that could be read.
            ran: how they came about.
            notes: what else a reader has to know.
        """
        answers = [self.answered(at) for at in kept]
        truths = [self.truths[at] for at in kept]
        rows = [self._rows[at] for at in kept]
        positive, scores = _table(truths, rows, self.reading.classes, binary=self.kind == "binary")
        per_class = self._per_class(answers, truths, positive, scores)
        single = self.kind != "labels"
        top5 = sum(answer.rank is not None and answer.rank <= TOP for answer in answers)
        chosen = [score for score in per_class if score.f1 is not None]
        finite = np.array([row is not None for row in rows], bool)
        decided = np.array([answer.probability or 0.0 for answer in answers if answer.classes])
        return Measured(
            **vars(ran),
            kind=self.kind,
            labels=self.matching.names,
            matched=self.matching.how,
            accuracy=metrics.share(sum(answer.right for answer in answers), len(answers)),
            top5=metrics.share(top5, len(answers)) if single and len(per_class) > TOP else None,
            balanced_accuracy=metrics.mean(score.recall.value for score in per_class if score.recall) or 0.0,
            macro_f1=metrics.mean(score.f1 for score in chosen) or 0.0,
            micro_f1=None if single else _micro_f1(answers, truths),
            average_precision=metrics.mean(score.average_precision for score in per_class),
            roc_auc=metrics.mean(metrics.roc_auc(*column) for column in zip(positive.T, scores.T, strict=True)),
            calibration=metrics.calibrate(decided, np.array([answer.right for answer in answers if answer.classes]))
            if single
            else metrics.calibrate(scores[finite].ravel(), positive[finite].ravel()),
            per_class=per_class,
            confusion=tuple(map(tuple, self.confusion(kept).tolist())) if single else None,
            prepared_in_file=self.reading.classifier.taken.prepares,
            notes=notes,
        )

    def confusion(self, kept: Iterable[int]) -> NDArray[np.int64]:
        """The confusion matrix of the pictures at those places; where there is no answer, a picture is not in it."""
        there = [at for at in kept if self.answered(at).classes]
        truths, answers = [self.truths[at][0] for at in there], [self.answered(at).classes[0] for at in there]
        return metrics.confusion_matrix(truths, answers, len(self.matching.names))

    def _append(self, answer: Answered | ImageError, truth: tuple[int, ...], row: NDArray[np.float64] | None) -> None:
        self.answers.append(answer)
        self.truths.append(truth)
        self._rows.append(row)

    def _per_class(
        self,
        answers: Sequence[Answered],
        truths: Sequence[tuple[int, ...]],
        positive: NDArray[np.bool_],
        scores: NDArray[np.float64],
    ) -> tuple[ClassScore, ...]:
        count = len(self.matching.names)
        support, taken, right = (np.zeros(count, np.int64) for _ in range(3))
        for answer, truth in zip(answers, truths, strict=True):
            support[list(truth)] += 1
            taken[list(answer.classes)] += 1
            right[[at for at in truth if at in answer.classes]] += 1
        known = [metrics.average_precision(*column) for column in zip(positive.T, scores.T, strict=True)]
        averages = [*[None] * (count - len(known)), *known]  # a single output is that of the second class
        return tuple(
            metrics.class_score(name, int(right[at]), int(support[at]), int(taken[at]), averages[at])
            for at, name in enumerate(self.matching.names)
        )


def _one(probabilities: NDArray[np.float64], truth: int) -> Answered:
    """One of several classes; of two that are alike, the one that comes first."""
    answer, own = int(probabilities.argmax()), probabilities[truth]
    rank = 1 + int((probabilities > own).sum() + (probabilities[:truth] == own).sum())
    return Answered((answer,), rank == 1, float(probabilities[answer]), float(own), rank)


def _several(probabilities: NDArray[np.float64], truth: tuple[int, ...]) -> Answered:
    """All labels that are more probable than not."""
    chosen = tuple(np.flatnonzero(probabilities > 0.5).tolist())
    would = np.where(np.isin(np.arange(len(probabilities)), truth), probabilities, 1 - probabilities)
    return Answered(chosen, chosen == truth, None, float(would.min()), None)


def _table(
    truths: Sequence[tuple[int, ...]], rows: Sequence[NDArray[np.float64] | None], outputs: int, *, binary: bool
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(pictures, outputs) of what is true and how probable it is; without columns where only one class was kept."""
    if not any(row is not None for row in rows):
        return np.zeros((len(rows), 0), bool), np.zeros((len(rows), 0))
    positive = np.zeros((len(rows), outputs), bool)
    for at, truth in enumerate(truths):
        positive[at, [index - binary for index in truth if index >= binary]] = True
    return positive, np.stack([np.zeros(outputs) if row is None else row for row in rows])


def _micro_f1(answers: Sequence[Answered], truths: Sequence[tuple[int, ...]]) -> float | None:
    both = sum(len({*answer.classes} & {*truth}) for answer, truth in zip(answers, truths, strict=True))
    all_of_them = sum(len(answer.classes) + len(truth) for answer, truth in zip(answers, truths, strict=True))
    return 2 * both / all_of_them if all_of_them else None
