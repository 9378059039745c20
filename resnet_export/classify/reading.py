"""`Reading`: what a session gives for pictures, read as probabilities in float64, and how that came about.

    softmax    p_k = exp(x_k) / sum_j exp(x_j)    one of several classes
    sigmoid    p_k = 1 / (1 + exp(-x_k))          a single logit, or several labels at once

A file may do that itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.results import ClassProbability, Ran
from resnet_export.errors import ImageError, ModelError, ResNetExportError
from resnet_export.files import sha256
from resnet_export.graph.interface import Activation, Head
from resnet_export.labels import labels_of
from resnet_export.parity.embedded import measure, too_far
from resnet_export.parity.gate.evaluation import activate
from resnet_export.runtimes import RuntimeSpec
from resnet_export.runtimes.session import Session

SUM_TOLERANCE = 1e-2
"""How far a sum of probabilities may be from 1: float16 rounds a thousand of them by less."""


@dataclass
class Reading:
    """The outputs of a classifier's session so far."""

    classifier: Classifier
    session: Session
    gives_logits: bool
    """Whether the session gives logits whatever the file gives, as the frameworks' definitions do."""
    callers: int = 1
    """Threads that call the session at a time."""
    classes: int = 0
    """Values of an output; 0 until there is one."""
    all_probabilities: bool = True
    """Whether all outputs so far look like a softmax's."""

    @property
    def activation(self) -> Activation | None:
        """What makes probabilities of what the session gives."""
        return activation_for(self.classifier.head, self.classes, from_logits=self.gives_logits)

    def probabilities(self, output: NDArray[Any]) -> NDArray[np.float64] | None:
        """Those of each class, from a picture's row of the output; None where that has numbers that are not finite.

        Raises:
            ModelError: it is no value for each class.
            LabelsError: the labels are not one for each class.
        """
        scores = scores_of(output, str(self.classifier.path))
        labels_of(self.classifier.labels, len(scores))
        self.classes = len(scores)
        if not np.isfinite(scores).all():
            return None
        self.all_probabilities &= are_probabilities(scores)
        return scores if self.activation is None else activate(scores, self.activation)

    def refuse_no_answer(self, errors: Sequence[str], pictures: int) -> None:
        """Finds out whether a picture has an answer.

        Args:
            errors: why there is none, for each picture without one.
            pictures: how many there are.

        Raises:
            ImageError: none could be read.
            ModelError: the network has none for any of them.
        """
        if len(errors) < pictures:
            return
        if self.classes:
            raise ModelError(
                f"{self.classifier.path} gives numbers that are not finite for every picture.",
                hint=f"Look for the cause with: resnet-export verify {self.classifier.path}",
            )
        first = f"None of {len(errors)} pictures can be used; the first: " if len(errors) > 1 else ""
        raise ImageError(f"{first}{errors[0]}", hint="Give pictures in a usual format, such as JPEG or PNG.")

    def notes(self, spec: RuntimeSpec | None) -> Iterator[str]:
        """What a reader has to know beside the answers; `spec` is what opened the session, None for a live model."""
        classifier, session = self.classifier, self.session
        yield from classifier.notes
        if spec is None:
            return
        if session.takes_file_input:
            file, taken, preprocessing = classifier.path, classifier.taken, classifier.preprocessing
            other = too_far(measure(session.name, spec.open, file, taken, preprocessing, None))
            if other is not None:
                yield f"The answers are not those of the network on such pictures. {session.name}: {other}."
        fallback = session.placement().fallback
        if fallback is not None:
            yield f"FALLBACK: {fallback.rstrip('.')}."
        if classifier.head_is_assumed and not self.gives_logits and self.all_probabilities:
            yield (
                "Every output sums to 1, as probabilities do, and was taken for logits. "
                "If it is probabilities, give --head probabilities."
            )

    def ran(self, spec: RuntimeSpec | None) -> Ran:
        """The file, what ran it, and how its answers came about; of a live model there is no file. `spec` as above."""
        classifier, session, version = self.classifier, self.session, self.session.version
        with contextlib.suppress(ResNetExportError):  # where the CPU stands in for it
            version = version or ("" if spec is None else spec.probe())
        return Ran(
            model=str(classifier.path),
            sha256="" if spec is None else sha256(classifier.path),
            runtime=session.name.partition(" ")[0] if spec is None else str(spec),
            version=version,
            placement=session.placement(),
            precision=session.precision,
            preprocessing=classifier.preprocessing,
            raw_pixels=classifier.raw_pixels,
            stated=classifier.metadata is not None,
            assumptions=classifier.assumptions,
            overrides=classifier.overrides,
            output=classifier.output,
            head=classifier.head,
            activation=self.activation,
            classes=self.classes,
        )


def scores_of(row: NDArray[Any], model: str) -> NDArray[np.float64]:
    """A picture's output as one value for each class.

    Raises:
        ModelError: it is none.
    """
    if row.dtype.kind != "f" or row.size == 0 or row.size != max(row.shape, default=1):
        raise ModelError(
            f"{model} gives no value for each class: its output for a picture is {row.dtype} "
            f"of {' x '.join(map(str, row.shape)) or 'no axis'}.",
            hint="Give a classifier, whose first output has one floating-point number for each class.",
        )
    return row.astype(np.float64).reshape(-1)


def activation_for(head: Head, classes: int, *, from_logits: bool) -> Activation | None:
    """What makes probabilities of what a session gives; None where it gives these.

    Args:
        head: what the file's output is.
        classes: how many values it has.
        from_logits: the session gives the logits whatever the file does, as the frameworks do.
    """
    if head != "logits" and not from_logits:
        return None
    return "sigmoid" if head == "sigmoid" or classes == 1 else "softmax"


def are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Whether several values are from 0 to 1 and sum to 1, as a softmax gives them, and logits don't."""
    return len(scores) > 1 and scores.min() >= 0 and abs(scores.sum() - 1) <= SUM_TOLERANCE


def top_classes(
    probabilities: NDArray[np.float64], count: int, labels: Sequence[str] | None = None
) -> tuple[ClassProbability, ...]:
    """The most probable classes, the first one first; of two that are alike, the one that comes first."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(
        ClassProbability(int(index), None if labels is None else labels[index], float(probabilities[index]))
        for index in order
    )
