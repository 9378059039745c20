"""What `predict` answered, for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report import facts
from resnet_export.report.predict import words
from resnet_export.terminal import Row, blocks, clipped, fact, table, wrapped

if TYPE_CHECKING:
    from resnet_export.classify.results import PredictReport

LEFT = (0, 3)
"""Columns that are aligned to the left."""


def render(report: PredictReport) -> str:
    """The table of the answers, and how they came about."""
    return blocks([words.title(report)], table(words.HEADING, _rows(report), left=LEFT), _explanations(report))


def _rows(report: PredictReport) -> Iterator[Row]:
    for picture in report.pictures:
        below = () if picture.error is None else (picture.error,)
        for name, probability, index, label in words.cells(picture):
            yield Row((name, probability, index, clipped(label, facts.LONGEST)), below)


def _explanations(report: PredictReport) -> Iterator[str]:
    for name, values in words.explanations(report):
        yield from fact(name, *values)
    for note in report.notes:
        yield from wrapped(note, "  note: ")
