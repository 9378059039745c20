"""What a folder of scores holds, for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.report import facts
from resnet_export.report.score import words
from resnet_export.terminal import blocks, clipped, fact, more, printable, shortened, table, wrapped

if TYPE_CHECKING:
    from resnet_export.score.results import ScoreReport

MOST_CLASSES = 10
BAR = 40
"""Columns of the longest bar."""
LONGEST = 50
"""Characters of an example that are shown."""


def render(report: ScoreReport) -> str:
    """Counts per class, the confidence, the errors, and how it came about."""
    return blocks(
        wrapped(printable(words.title(report))), _classes(report), _confidence(report), _errors(report), _facts(report)
    )


def _classes(report: ScoreReport) -> Iterator[str]:
    rows = words.classes(report)
    shown = [(*cells, clipped(label, facts.LONGEST)) for *cells, label in rows[:MOST_CLASSES]]
    yield from table(words.CLASSES, shown, left=(3,))
    yield from more(len(rows) - len(shown))


def _confidence(report: ScoreReport) -> Iterator[str]:
    most = max(report.histogram, default=0)
    if most:
        yield "  probability of the most probable class"
    for name, count in words.bins(report):
        if count:
            yield f"  {name}  {'#' * max(1, round(BAR * count / most))} {count:,}"


def _errors(report: ScoreReport) -> Iterator[str]:
    rows = [(reason, count, shortened(printable(example), LONGEST)) for reason, count, example in words.errors(report)]
    yield from table(words.ERRORS, rows, left=(0, 2))


def _facts(report: ScoreReport) -> Iterator[str]:
    for name, values in words.explanations(report):
        yield from fact(name, *map(printable, values))
    for note in report.run.notes if report.run else ():
        yield from wrapped(printable(note), "  note: ")
