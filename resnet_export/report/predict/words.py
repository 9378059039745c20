"""How the answers came about, in the words that all forms of the result share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report import facts

if TYPE_CHECKING:
    from resnet_export.classify.measures import Measured
    from resnet_export.classify.results import ClassProbability, PictureResult, PredictReport

HEADING = ("picture", "probability", "class", "label")
MADE = {"softmax": "logits, made probabilities by the softmax", "sigmoid": "logits, each made one by the sigmoid"}
GIVEN = {"probabilities": "probabilities", "sigmoid": "probabilities, each class by itself", "logits": "logits"}


def title(report: PredictReport | Measured) -> str:
    """The file, and what ran it."""
    return f"{report.model} in {report.runtime}"


def explanations(report: PredictReport | Measured) -> Iterator[tuple[str, list[str]]]:
    """(name, values) of what stands behind the answers."""
    place = [facts.EMBEDDED["image" if report.prepared_in_file else "uint8"]] if report.raw_pixels else []
    steps = facts.preparation(report.preprocessing, normalised=report.stated or not report.raw_pixels)
    yield "preprocessing", [*steps, *place, *(["as the file says"] if report.stated and not report.overrides else [])]
    if report.assumptions:
        when = ["when it was exported"] if report.stated else []
        yield "assumed", [*map(str, report.assumptions), *when]
    if report.overrides:
        yield "changed", list(map(str, report.overrides))
    yield "output", [MADE[report.activation] if report.activation else GIVEN[report.head]]


def probability(value: float) -> str:
    """Four digits behind the point, or two that count where that would be 0."""
    return f"{value:.4f}" if value >= 5e-5 or value == 0 else f"{value:.1e}"


def cells(picture: PictureResult) -> list[tuple[str, str, str, str]]:
    """Its classes as rows below `HEADING`; its name stands in the first one, which is all where there is no answer."""
    if picture.error is not None:
        return [(picture.path, "", "", "")]
    return [(picture.path if rank == 0 else "", *_class(found)) for rank, found in enumerate(picture.top)]


def _class(found: ClassProbability) -> tuple[str, str, str]:
    return probability(found.probability), str(found.index), found.label or ""
