"""`predict`: the most probable classes of pictures, in any runtime."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from resnet_export.errors import ImageError, ModelError, ResNetExportError, UsageError
from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.classify.preparation import Answer, answers
from resnet_export.classify.probabilities import (
    activation_for,
    are_probabilities,
    probabilities_of,
    scores_of,
    top_classes,
)
from resnet_export.classify.results import PictureResult, PredictReport
from resnet_export.files import sha256
from resnet_export.graph.interface import Activation, Head
from resnet_export.images import Interpolation, gather_pictures
from resnet_export.labels import labels_of
from resnet_export.parity.embedded import measure, too_far
from resnet_export.runtimes import RuntimeSpec, parse_runtime
from resnet_export.runtimes.session import Session

Progress = Callable[[str], AbstractContextManager[object]]
"""Entered around each stage with its name; may give a function that is called with how it stands."""
TOP = 5


def predict(
    path: str | os.PathLike[str],
    pictures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    runtime: str = "ort:cpu",
    top: int = TOP,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    image_size: int | None = None,
    resize: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    interpolation: Interpolation | None = None,
    head: Head | None = None,
    allow_fallback: bool = False,
    progress: Progress | None = None,
) -> PredictReport:
    """Gives the most probable classes of pictures, each prepared as the file's metadata say.

    Args:
        path: the `.onnx` file, written by this package or not.
        pictures: files, folders, and patterns such as `photos/*.jpg`; or one of these.
        runtime: what runs the file, such as `openvino,threads=2`.
        top: how many classes of each picture.
        labels: a text file with a class a line, or the names; None for those in the file.
        image_size: height and width in pixels, for a file that leaves them open.
        resize: length of the shorter side after the resize; this and the next three are otherwise what the file says,
            or the usual where it says nothing.
        mean: of each channel, on the scale 0..1.
        std: of each channel, on the scale 0..1.
        interpolation: how the pictures are resized.
        head: what the output is: `logits`, `probabilities`, or `sigmoid` (of each class by itself).
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        progress: entered around each stage with its name.

    Returns:
        The answers in the order of the pictures. One that can't be read has a reason in place of an answer.

    Raises:
        ModelError: the file is missing or damaged, takes no picture, or gives no classes.
        ImageError: a picture is missing, or none of them can be read.
        LabelsError: the labels can't be read, or are not one for each class.
        UsageError: an option contradicts the file, or there is no such runtime.
        MissingDependencyError: the runtime is not installed.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeFailedError: the runtime fails while it runs.
    """
    if top < 1:
        raise UsageError(f"top is {top}.", hint="Give a whole number from 1.")
    spec = parse_runtime(runtime).with_fallback(allow_fallback)
    stage = progress or (lambda name: contextlib.nullcontext())
    asked = Asked(image_size, resize, mean, std, interpolation, head, labels)
    with stage("read"):
        classifier = read_classifier(Path(path), asked)
        paths = gather_pictures([pictures] if isinstance(pictures, str | os.PathLike) else pictures)
    if not paths:
        raise UsageError("No pictures were given.", hint="Give at least one.")
    with stage(f"open {runtime}"):
        session = spec.open(classifier.path)
    with session, stage("predict") as show:
        answered = _Answers(classifier, session, top)
        for count, answer in enumerate(answers(session, classifier, paths), 1):
            answered.add(answer)
            if callable(show):
                show(f"{count} of {len(paths)}")
        answered.refuse_no_answer()
        return _report(classifier, spec, session, answered)


@dataclass
class _Answers:
    """The answers so far."""

    classifier: Classifier
    session: Session
    top: int
    results: list[PictureResult] = field(default_factory=list)
    classes: int = 0
    """Values of an output; 0 until there is one."""
    all_probabilities: bool = True
    """Whether all outputs so far look like a softmax's."""

    @property
    def activation(self) -> Activation | None:
        """What makes probabilities of what the session gives."""
        return activation_for(self.classifier.head, self.classes, from_logits=not self.session.takes_file_input)

    def add(self, answer: Answer) -> None:
        """Makes a result of it."""
        name = str(answer.path)
        if isinstance(answer.output, ImageError):
            self.results.append(PictureResult(name, (), answer.output.message))
            return
        scores = scores_of(answer.output, str(self.classifier.path))
        labels = labels_of(self.classifier.labels, len(scores))
        self.classes = len(scores)
        if not np.isfinite(scores).all():
            self.results.append(PictureResult(name, (), "The network gives numbers that are not finite."))
            return
        self.all_probabilities &= are_probabilities(scores)
        probabilities = probabilities_of(scores, self.activation)
        self.results.append(PictureResult(name, top_classes(probabilities, self.top, labels)))

    def refuse_no_answer(self) -> None:
        """Finds out whether a picture has an answer.

        Raises:
            ImageError: none could be read.
            ModelError: the network has none for any of them.
        """
        errors = [result.error for result in self.results if result.error is not None]
        if len(errors) < len(self.results):
            return
        if self.classes:
            raise ModelError(
                f"{self.classifier.path} gives numbers that are not finite for every picture.",
                hint=f"Look for the cause with: resnet-export verify {self.classifier.path}",
            )
        first = f"None of {len(errors)} pictures can be used; the first: " if len(errors) > 1 else ""
        raise ImageError(f"{first}{errors[0]}", hint="Give pictures in a usual format, such as JPEG or PNG.")


def _notes(classifier: Classifier, spec: RuntimeSpec, session: Session, answered: _Answers) -> Iterator[str]:
    """What a reader has to know beside the answers."""
    yield from classifier.notes
    if session.takes_file_input:
        file, taken, preprocessing = classifier.path, classifier.taken, classifier.preprocessing
        other = too_far(measure(session.name, spec.open, file, taken, preprocessing, None))
        if other is not None:
            yield f"The answers are not those of the network on such pictures. {session.name}: {other}."
    fallback = session.placement().fallback
    if fallback is not None:
        yield f"FALLBACK: {fallback.rstrip('.')}."
    if classifier.head_is_assumed and session.takes_file_input and answered.all_probabilities:
        yield (
            "Every output sums to 1, as probabilities do, and was taken for logits. "
            "If it is probabilities, give --head probabilities."
        )


def _report(classifier: Classifier, spec: RuntimeSpec, session: Session, answered: _Answers) -> PredictReport:
    version = session.version
    with contextlib.suppress(ResNetExportError):  # where the CPU stands in for it
        version = version or spec.probe()
    return PredictReport(
        model=str(classifier.path),
        sha256=sha256(classifier.path),
        runtime=session.name,
        version=version,
        placement=session.placement(),
        precision=session.precision,
        preprocessing=classifier.preprocessing,
        raw_pixels=classifier.raw_pixels,
        prepared_in_file=classifier.taken.prepares,
        stated=classifier.metadata is not None,
        assumptions=classifier.assumptions,
        overrides=classifier.overrides,
        output=classifier.output,
        head=classifier.head,
        activation=answered.activation,
        classes=answered.classes,
        pictures=tuple(answered.results),
        notes=tuple(_notes(classifier, spec, session, answered)),
    )
