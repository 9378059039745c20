"""`predict`: the most probable classes of pictures, in any runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.preparation import outputs, takes_any_size
from resnet_export.classify.reading import Reading, top_classes
from resnet_export.classify.results import PictureResult, PredictReport
from resnet_export.errors import ImageError, UsageError
from resnet_export.images import gather_pictures, load_pictures
from resnet_export.keywords import keywords_of

TOP = 5


@dataclass(frozen=True)
class PredictOptions(Asked):
    """What is asked for.

    Raises:
        UsageError: an option has an invalid value.
    """

    path: str | os.PathLike[str]
    """The `.onnx` file, written by this package or not."""
    pictures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
    """Files, folders, and patterns such as `photos/*.jpg`; or one of these."""
    _: KW_ONLY
    runtime: str = "ort:cpu"
    """What runs the file, such as `openvino,threads=2`."""
    top: int = TOP
    """How many classes of each picture."""

    def __post_init__(self) -> None:
        if self.top < 1:
            raise UsageError(f"top is {self.top}.", hint="Give a whole number from 1.")


@keywords_of(PredictOptions)
def predict(options: PredictOptions) -> PredictReport:
    """Gives the most probable classes of pictures, each prepared as the file's metadata say.

    Its parameters are the fields of `PredictOptions`, where each is described, and those of `Asked`.

    Returns:
        The answers in the order of the pictures. One that can't be read has a reason in place of an answer.

    Raises:
        ModelError: the file is missing or damaged, takes no picture, or gives no classes.
        ImageError: a picture is missing, or none of them can be read.
        LabelsError: the labels can't be read, or are not one for each class.
        UsageError: an option has an invalid value, or contradicts the file.
        MissingDependencyError: the runtime is not installed.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeFailedError: the runtime fails while it runs.
    """
    spec, stage, given = options.spec_of(options.runtime), options.stage, options.pictures
    with stage("read"):
        classifier = read_classifier(Path(options.path), options)
        paths = gather_pictures([given] if isinstance(given, str | os.PathLike) else given)
    if not paths:
        raise UsageError("No pictures were given.", hint="Give at least one.")
    with stage(f"open {options.runtime}"):
        session = spec.open(classifier.path)
    with session, stage("predict") as show:
        reading, results = Reading(classifier, session, not session.takes_file_input), []
        loaded = load_pictures(paths, classifier.preprocessing, prepared=not takes_any_size(session, classifier))
        for path, output in zip(paths, outputs(session, classifier, loaded, batch=1), strict=True):
            results.append(_result(str(path), output, reading, options.top))
            if callable(show):
                show(f"{len(results)} of {len(paths)}")
        reading.refuse_no_answer([one.error for one in results if one.error], len(results))
        return PredictReport(
            **vars(reading.ran(spec)),
            pictures=tuple(results),
            notes=tuple(reading.notes(spec)),
            prepared_in_file=classifier.taken.prepares,
        )


def _result(name: str, output: NDArray[Any] | ImageError, reading: Reading, top: int) -> PictureResult:
    """The most probable classes of a picture, or why there are none."""
    if isinstance(output, ImageError):
        return PictureResult(name, (), output.message)
    probabilities = reading.probabilities(output)
    if probabilities is None:
        return PictureResult(name, (), "The network gives numbers that are not finite.")
    return PictureResult(name, top_classes(probabilities, top, reading.classifier.labels))
