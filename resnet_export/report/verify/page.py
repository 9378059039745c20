"""What `verify` found as a page: one file, without scripts, that needs no network."""

from collections.abc import Iterator, Sequence

from resnet_export.parity.results import Bisection, VerifyReport
from resnet_export.report.kit import page
from resnet_export.report.kit.page import items, text
from resnet_export.report.kit.svg import symbol
from resnet_export.report.verify import summary
from resnet_export.report.verify.plot import draw
from resnet_export.report.verify.summary import sentences

STYLE = """
polyline.error, line.error { stroke: var(--error); stroke-width: 1.5; }
.mark.error { fill: var(--error); } .mark.own { fill: var(--own); }
.mark.wrong { stroke: var(--wrong); stroke-width: 2.5; } .wrong-band { fill: var(--band); }
svg text.wrong, svg .wrong-label { fill: var(--wrong); font-weight: 600; } svg text.absent { fill: var(--faint); }
"""
LEFT, LAYERS_LEFT = (0, 1, 2), (0, 1, 5)
"""Columns of the two tables that are aligned to the left."""
BAD = ("FAILED", "WRONG")
LEGEND = (
    ('<line class="error" x1="0" x2="22" y1="7" y2="7"/>' + symbol("error", "circle"), "error"),
    (symbol("own", "square"), "own error"),
    ('<line class="bound" x1="0" x2="22" y1="7" y2="7"/>', "allowed own error"),
    (symbol("wrong", "cross"), "own error of a wrong layer"),
)


def render(report: VerifyReport) -> str:
    """An HTML document."""
    title = summary.title(report)
    body = [
        f'<h1 class="{"passed" if report.passed else "failed"}">{text(title)}</h1>',
        page.facts(summary.facts(report)),
        *_failures(report),
        *_runtimes(report),
        *_layers(report.bisection),
        *_others(report),
    ]
    return page.page(title, body, style=STYLE)


def _failures(report: VerifyReport) -> Iterator[str]:
    if not report.passed:
        yield f"<h2>What failed</h2>{items(sentences(report))}"
        yield from (f'<p class="failed">{text(line)}</p>' for line in report.located)


def _runtimes(report: VerifyReport) -> Iterator[str]:
    """The table of those that ran, and what its numbers mean."""
    if not report.comparisons:
        return
    yield "<h2>Runtimes</h2>"
    rows: list[str] = []
    for row in summary.rows(report):
        rows += [_row(_status_first(row.cells), LEFT), page.remark(row.below, len(row.cells))]
    yield from page.table("Runtimes", _status_first((*summary.HEADING[:-1], "status")), rows, LEFT)
    yield from (f'<p class="note">{text(sentence)}</p>' for sentence in summary.explanations(report))


def _others(report: VerifyReport) -> Iterator[str]:
    """The runtimes that did not run and were not asked to, and what else was left out."""
    ran = summary.ran(report)
    others = [one for one in report.runtimes if one not in ran and not one.refused]
    if others or report.notes:
        entries = [*(f"{one.runtime}: {summary.reason(one)}" for one in others), *report.notes]
        yield f"<h2>Left out</h2>{items(entries)}"


def _layers(found: Bisection | None) -> Iterator[str]:
    """The plot, and its numbers."""
    if found is None:
        yield "<h2>Layers</h2><p>They were not looked at.</p>"
        return
    yield f"<h2>Layer by layer in {text(found.runtime)}</h2>"
    yield page.legend(LEGEND)
    caption = f"Relative to the largest value of each layer. {summary.LAYER_EXPLANATION}"
    yield page.figure(draw(found), name="Plot", caption=caption)
    yield "<details><summary>The numbers</summary>"
    rows = [_row(summary.layer_cells(layer), LAYERS_LEFT) for layer in found.layers]
    yield from page.table("Error layer by layer", summary.LAYER_HEADING, rows, LAYERS_LEFT)
    yield "</details>"


def _status_first(cells: Sequence[str]) -> tuple[str, ...]:
    """The last cell beside the first: behind the edge of a phone nobody would look for it."""
    return cells[0], cells[-1] or "passed", *cells[1:-1]


def _row(cells: Sequence[str], left: Sequence[int]) -> str:
    shown = [f'<span class="failed">{cell}</span>' if cell in BAD else text(cell) for cell in cells]
    return page.row(shown, left)
