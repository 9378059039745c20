"""What `predict` answered as a table for other programs: CSV, and Markdown as GitHub shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from resnet_export.report.kit import tables
from resnet_export.report.predict import words

if TYPE_CHECKING:
    from resnet_export.classify.results import PredictReport

ALIGN = ("---", "---:", "---:", "---")


def as_csv(report: PredictReport) -> str:
    """A row for each class of each picture, and one with the reason for a picture without an answer."""
    return tables.as_csv(_csv_rows(report))


def as_markdown(report: PredictReport) -> str:
    """A row for each class of each picture; a picture without an answer has the reason in place of a label."""
    rows = [
        row if picture.error is None else (*row[:3], picture.error)
        for picture in report.pictures
        for row in words.cells(picture)
    ]
    kept = 4 if any(row[3] for row in rows) else 3
    table = tables.as_markdown(words.HEADING[:kept], ALIGN[:kept], [row[:kept] for row in rows])
    facts = [f"{name}: {', '.join(values)}" for name, values in words.explanations(report)]
    below = f"{words.title(report)}; {'; '.join(facts)}."
    return "\n\n".join([table, *map(tables.markdown_cell, (below, *report.notes))])


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
