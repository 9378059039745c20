"""What `predict` answered as a page: one file, without scripts, that needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report.kit import page
from resnet_export.report.kit.page import text
from resnet_export.report.predict import words

if TYPE_CHECKING:
    from resnet_export.classify.results import PredictReport

HEADING = words.HEADING[1:]
LEFT = (2,)
"""Columns that are aligned to the left."""


def render(report: PredictReport) -> str:
    """An HTML document."""
    title = words.title(report)
    body = [
        f"<h1>{text(title)}</h1>",
        *page.table("Predictions", HEADING, _rows(report), LEFT),
        page.facts(words.explanations(report)),
        page.items(report.notes),
    ]
    return page.page(title, body)


def _rows(report: PredictReport) -> Iterator[str]:
    for picture in report.pictures:
        yield page.group(picture.path, len(HEADING))
        if picture.error is not None:
            yield page.remark([picture.error], len(HEADING))
            continue
        yield from (page.row([text(cell) for cell in row[1:]], LEFT) for row in words.cells(picture))
