"""What a folder of scores holds as a page: one file, without scripts, that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.report.kit import page, svg
from resnet_export.report.kit.page import text
from resnet_export.report.predict.words import probability
from resnet_export.report.score import words

if TYPE_CHECKING:
    from resnet_export.score.results import ScoreReport, Unsure

STYLE = """
svg .bar { stroke: var(--error); stroke-width: 10; }
"""
FRAME = svg.Frame(width=620)


def render(report: ScoreReport) -> str:
    """An HTML document."""
    title = words.title(report)
    body = [
        f"<h1>{text(title)}</h1>",
        page.facts(words.explanations(report)),
        page.items(report.run.notes if report.run else ()),
    ]
    if report.errors:
        rows = (page.row(list(map(text, cells)), (0, 2)) for cells in words.errors(report))
        body += ["<h2>Pictures without a label</h2>", *page.table("Errors", words.ERRORS, rows, (0, 2))]
    if report.classes:
        body += ["<h2>Confidence</h2>", _histogram(report), "<h2>Classes</h2>"]
        body += page.table(
            "Classes", words.CLASSES, (page.row(list(map(text, row)), (3,)) for row in words.classes(report)), (3,)
        )
        body += ["<h2>The least sure pictures</h2>", page.gallery(map(_picture, report.unsure))]
    return page.page(title, body, style=page.GALLERY + STYLE, pictures=any(one.thumbnail for one in report.unsure))


def _histogram(report: ScoreReport) -> str:
    bins = words.bins(report)
    chart = svg.Chart(
        "Confidence",
        "Pictures by the probability of their most probable class",
        svg.Axis(0.0, 1.0, "probability of the most probable class", tuple((at / 5, f"{at / 5:g}") for at in range(6))),
        svg.linear([count for _, count in bins], "pictures"),
        FRAME,
    )
    for at, (name, count) in enumerate(bins):
        if count:
            middle = (at + 0.5) / len(bins)
            chart.bar(middle, count, "bar", f"{name}: {count:,} pictures")
    return page.figure(chart.svg(), name="Confidence")


def _picture(one: Unsure) -> tuple[str | None, str, str]:
    label = f"{one.found.index} {one.found.label or ''}".strip()
    return one.thumbnail, f"{label}: {probability(one.found.probability)}", one.path
