"""What `predict` answered: as text of 80 columns, as a page, and as tables for other programs."""

from collections.abc import Iterator
from typing import Any

from resnet_export.classify.measures import Measured
from resnet_export.classify.results import PictureResult, PredictReport
from resnet_export.report import facts
from resnet_export.report.kit import page, tables
from resnet_export.terminal import Row, blocks, clipped, table

HEADING = ("picture", "probability", "class", "label")
LEFT = (0, 3)
"""Columns that are aligned to the left."""
MADE = {"softmax": "logits, made probabilities by the softmax", "sigmoid": "logits, each made one by the sigmoid"}
GIVEN = {"probabilities": "probabilities", "sigmoid": "probabilities, each class by itself", "logits": "logits"}


def as_text(report: PredictReport) -> str:
    """The table of the answers, and how they came about."""
    rows = [
        Row((*cells, clipped(label, facts.LONGEST)), () if picture.error is None else (picture.error,))
        for picture in report.pictures
        for *cells, label in _rows(picture)
    ]
    return blocks([title(report)], table(HEADING, rows, left=LEFT), facts.told(explanations(report), report.notes))


def as_page(report: PredictReport) -> str:
    """An HTML document; the name of a picture stands above its answers."""
    rows: list[Row | list[str]] = []
    for picture in report.pictures:
        rows.append(Row((picture.path,), () if picture.error is None else (picture.error,)))
        rows += [] if picture.error is not None else [cells for _, *cells in _rows(picture)]
    body = [
        *page.table("Predictions", HEADING[1:], rows, left=(2,)),
        page.facts(explanations(report)),
        page.items(report.notes),
    ]
    return page.page(title(report), body)


def as_csv(report: PredictReport) -> str:
    """A row for each class of each picture, and one with the reason for a picture without an answer."""
    return tables.as_csv(_csv_rows(report))


def as_markdown(report: PredictReport) -> str:
    """A row for each class of each picture; a picture without an answer has the reason in place of a label."""
    rows = [(*cells, picture.error or label) for picture in report.pictures for *cells, label in _rows(picture)]
    kept = len(HEADING) if any(label for *_, label in rows) else len(HEADING) - 1
    answers = tables.as_markdown(HEADING[:kept], [row[:kept] for row in rows], LEFT)
    made = "; ".join(f"{name}: {', '.join(values)}" for name, values in explanations(report))
    return "\n\n".join([answers, *map(tables.markdown_cell, (f"{title(report)}; {made}.", *report.notes))])


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


def _rows(picture: PictureResult) -> list[tuple[str, str, str, str]]:
    """Its classes below `HEADING`; its name stands in the first row, which is all where there is no answer."""
    if picture.error is not None:
        return [(picture.path, "", "", "")]
    return [
        ("" if rank else picture.path, probability(found.probability), str(found.index), found.label or "")
        for rank, found in enumerate(picture.top)
    ]


def _csv_rows(report: PredictReport) -> Iterator[dict[str, Any]]:
    empty = {"rank": None, "class": None, "label": None, "probability": None}
    for picture in report.pictures:
        if picture.error is not None:
            yield {"picture": picture.path, **empty, "error": picture.error}
        for rank, found in enumerate(picture.top, 1):
            yield {
                "picture": picture.path,
                "rank": rank,
                "class": found.index,
                "label": found.label,
                "probability": found.probability,
                "error": None,
            }
