"""`predict`: the most probable classes of pictures, in any runtime."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.preparation import Answer, answers
from resnet_export.classify.probabilities import top_classes
from resnet_export.classify.reading import Reading
from resnet_export.classify.results import PictureResult, PredictReport
from resnet_export.errors import ImageError, UsageError
from resnet_export.graph.interface import Head
from resnet_export.images import Interpolation, gather_pictures
from resnet_export.progress import Progress
from resnet_export.runtimes import RuntimeSpec, parse_runtime

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
        labels: a text file with a class a line, `imagenet`, or the names; None for those in the file.
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
        answered = _Answers(Reading(classifier, session, not session.takes_file_input), top)
        for count, answer in enumerate(answers(session, classifier, paths), 1):
            answered.add(answer)
            if callable(show):
                show(f"{count} of {len(paths)}")
        return answered.report(spec)


@dataclass
class _Answers:
    """The answers so far."""

    reading: Reading
    top: int
    results: list[PictureResult] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Makes a result of it."""
        name = str(answer.path)
        if isinstance(answer.output, ImageError):
            self.results.append(PictureResult(name, (), answer.output.message))
            return
        probabilities = self.reading.probabilities(answer.output)
        if probabilities is None:
            self.results.append(PictureResult(name, (), "The network gives numbers that are not finite."))
            return
        self.results.append(PictureResult(name, top_classes(probabilities, self.top, self.reading.classifier.labels)))

    def report(self, spec: RuntimeSpec) -> PredictReport:
        """The result.

        Raises:
            ImageError: no picture could be read.
            ModelError: the network has an answer for none of them.
        """
        self.reading.refuse_no_answer([one.error for one in self.results if one.error], len(self.results))
        return PredictReport(
            **vars(self.reading.ran(spec)),
            pictures=tuple(self.results),
            notes=tuple(self.reading.notes(spec)),
            prepared_in_file=self.reading.classifier.taken.prepares,
        )
