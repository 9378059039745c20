"""What `verify` found as a page: one file, without scripts, that needs no network."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from resnet_export.plain import printable
from resnet_export.report import summary
from resnet_export.report.plot import draw
from resnet_export.report.text import located, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resnet_export.parity.results import Bisection, VerifyReport

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --faint: #57606a; --line: #d4d9df;
  --error: #0b5cad; --own: #a34700; --bound: #57606a; --wrong: #c4152b; --band: #c4152b22; --good: #1a7232; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171b; --text: #e6e9ee; --faint: #9aa4b0; --line: #39414b;
    --error: #6cb2ff; --own: #ffa657; --bound: #9aa4b0; --wrong: #ff7b72; --band: #ff7b7233; --good: #56d364; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 66rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h1.passed { color: var(--good); } h1.failed, .failed { color: var(--wrong); }
p, ul, dl, figure { margin: .5rem 0; } ul { padding-left: 1.2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dd { margin: 0; }
dt, .note { color: var(--faint); } .note { font-size: .875rem; }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--error); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; } th.left, td.left { text-align: left; }
td.remark { padding-left: 1rem; white-space: normal; font-size: .875rem; color: var(--faint); }
summary { cursor: pointer; padding: .3rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.2rem; padding: 0; list-style: none; font-size: .875rem; }
.legend svg { vertical-align: -.1em; }
svg { display: block; font: 11px system-ui, sans-serif; } .legend svg { display: inline; }
svg text { fill: var(--text); } svg .tick { fill: var(--faint); text-anchor: end; } svg .power { font-size: 8px; }
svg .grid { stroke: var(--line); } svg .target { fill: transparent; } svg .target:hover { fill: var(--band); }
svg polyline { fill: none; } polyline.error, line.error { stroke: var(--error); stroke-width: 1.5; }
circle.error { fill: var(--error); } rect.own { fill: var(--own); }
.bound { stroke: var(--bound); stroke-width: 1.5; stroke-dasharray: 4 3; }
path.wrong { stroke: var(--wrong); stroke-width: 2.5; fill: none; } .wrong-band { fill: var(--band); }
svg text.wrong, svg .wrong-label { fill: var(--wrong); font-weight: 600; } svg text.absent { fill: var(--faint); }
"""
LEFT, LAYERS_LEFT = (0, 1, 2), (0, 1, 5)
"""Columns of the two tables that are aligned to the left."""
BAD = ("FAILED", "WRONG")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Content security policy: the browser, too, refuses whatever is not in the page."""
LEGEND = (
    ('<line class="error" x1="0" x2="22" y1="6" y2="6"/><circle class="error" cx="11" cy="6" r="3"/>', "error"),
    ('<rect class="own" x="8" y="3" width="6" height="6"/>', "own error"),
    ('<line class="bound" x1="0" x2="22" y1="6" y2="6"/>', "allowed own error"),
    ('<path class="wrong" d="M6 1l10 10m0 -10l-10 10"/>', "own error of a wrong layer"),
)


def render(report: VerifyReport) -> str:
    """An HTML document."""
    title = _text(summary.title(report))
    body = [
        f'<h1 class="{"passed" if report.passed else "failed"}">{title}</h1>',
        f"<dl><dt>truth</dt><dd>{_text(report.truth)}, in float64</dd>",
        f"<dt>yardstick</dt><dd>{_text(report.yardstick)}</dd></dl>",
        *_failures(report),
        *_runtimes(report),
        *_layers(report.bisection),
        *_others(report),
    ]
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style></head>",
        "<body><main>",
        *body,
        "</main></body></html>",
        "",
    ])  # fmt: skip


def _failures(report: VerifyReport) -> Iterator[str]:
    if report.passed:
        return
    yield "<h2>What failed</h2>"
    yield from _list(sentences(report))
    yield from (f'<p class="failed">{_text(line)}</p>' for line in located(report))


def _runtimes(report: VerifyReport) -> Iterator[str]:
    """The table of those that ran, and what its numbers mean."""
    if not report.comparisons:
        return
    yield "<h2>Runtimes</h2>"
    rows: list[str] = []
    for result in summary.ran(report):
        found = summary.rows_of(report, result.runtime)
        rows += [_row(_status_first(row.cells()), LEFT) for row in found]
        rows += [
            f'<tr><td class="left remark" colspan="{len(summary.HEADING)}">{_text(remark)}</td></tr>'
            for remark in summary.remarks(result, found, report.comparisons[0].quantity)
        ]
    yield from _table("Runtimes", _status_first((*summary.HEADING[:-1], "status")), rows, LEFT)
    yield from (f'<p class="note">{_text(sentence)}</p>' for sentence in summary.explanations(report))


def _others(report: VerifyReport) -> Iterator[str]:
    """The runtimes that did not run and were not asked to, and what else was left out."""
    ran = summary.ran(report)
    others = [one for one in report.runtimes if one not in ran and not one.refused]
    if others or report.notes:
        yield "<h2>Left out</h2>"
        yield from _list([*(f"{one.runtime}: {summary.reason(one)}" for one in others), *report.notes])


def _layers(found: Bisection | None) -> Iterator[str]:
    """The plot, and its numbers."""
    if found is None:
        yield "<h2>Layers</h2><p>They were not looked at.</p>"
        return
    yield f"<h2>Layer by layer in {_text(found.runtime)}</h2>"
    yield "<figure>"
    marks = (f'<li><svg width="22" height="12" aria-hidden="true">{mark}</svg> {name}</li>' for mark, name in LEGEND)
    yield from ('<ul class="legend">', *marks, "</ul>")
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Plot">{draw(found)}</div>'
    yield (
        f'<figcaption class="note">Relative to the largest value of each layer. {_text(summary.LAYER_EXPLANATION)}'
        "</figcaption></figure>"
    )
    yield "<details><summary>The numbers</summary>"
    rows = [_row(summary.layer_cells(layer), LAYERS_LEFT) for layer in found.layers]
    yield from _table("Error layer by layer", summary.LAYER_HEADING, rows, LAYERS_LEFT)
    yield "</details>"


def _status_first(cells: Sequence[str]) -> tuple[str, ...]:
    """The last cell beside the first: behind the edge of a phone nobody would look for it."""
    return cells[0], cells[-1] or "passed", *cells[1:-1]


def _table(name: str, heading: Sequence[str], rows: Iterable[str], left: Sequence[int]) -> Iterator[str]:
    cells = (f'<th scope="col"{_side(column, left)}>{_text(cell)}</th>' for column, cell in enumerate(heading))
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(name)}"><table><thead><tr>'
    yield from (*cells, "</tr></thead><tbody>", *rows, "</tbody></table></div>")


def _row(cells: Sequence[str], left: Sequence[int]) -> str:
    shown = (f"<td{_side(column, left, cell)}>{_text(cell)}</td>" for column, cell in enumerate(cells))
    return f"<tr>{''.join(shown)}</tr>"


def _side(column: int, left: Sequence[int], cell: str = "") -> str:
    """The class of a cell: how it is aligned, and whether it is bad news."""
    names = ["left"] if column in left else []
    names += ["failed"] if cell in BAD else []
    return f' class="{" ".join(names)}"' if names else ""


def _list(entries: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{_text(entry)}</li>" for entry in entries), "</ul>"] if entries else []


def _text(text: str) -> str:
    return html.escape(printable(text))
