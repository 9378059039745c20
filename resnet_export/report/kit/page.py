"""A page: one HTML file without scripts that needs no network, with its tables, figures and lists."""

import html
from collections.abc import Collection, Iterable, Iterator, Sequence

from resnet_export.terminal import Row, printable

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Content security policy: the browser, too, refuses whatever is not in the page."""
PICTURES = "; img-src data:"
"""Allows pictures that are in it."""
GALLERY = """
.pictures { display: flex; flex-wrap: wrap; gap: .8rem; padding: 0; list-style: none; }
.pictures li { width: 9rem; font-size: .8125rem; line-height: 1.35; }
.pictures img { display: block; width: 80px; height: 80px; object-fit: contain; image-rendering: pixelated;
  background: var(--line); }
"""
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
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dd { margin: 0; grid-column: 2; }
dt, .note { color: var(--faint); } .note { font-size: .875rem; }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--error); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; } th.left, td.left { text-align: left; } th.group { padding-top: .7rem; }
td.remark { padding-left: 1rem; white-space: normal; font-size: .875rem; color: var(--faint); }
td.remark div { position: sticky; left: 1rem; max-width: calc(min(100vw, 66rem) - 4rem); }
summary { cursor: pointer; padding: .3rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.2rem; padding: 0; list-style: none; font-size: .875rem; }
.legend svg { vertical-align: -.1em; }
svg { display: block; font: 11px system-ui, sans-serif; } .legend svg { display: inline; }
svg text { fill: var(--text); } svg .tick, svg .axis { fill: var(--faint); } svg .label { font-size: 10px; }
svg .grid { stroke: var(--line); } svg .target { fill: transparent; } svg .target:hover { fill: var(--band); }
svg polyline { fill: none; stroke-width: 1.5; } svg .mark { stroke-width: 1.5; }
svg .interval { fill: none; stroke-width: 1.25; }
svg .bound { stroke: var(--bound); stroke-width: 1.5; stroke-dasharray: 4 3; }
"""
"""What pages have in common; charts take their colours from it."""


def page(
    title: str, body: Iterable[str], *, passed: bool | None = None, style: str = "", pictures: bool = False
) -> str:
    """An HTML document.

    Args:
        title: plain text.
        body: markup below the title.
        passed: the outcome, which the title has as its colour; None for neither.
        style: rules of its own.
        pictures: whether it has any, each in a `data:` address.
    """
    outcome = "" if passed is None else ' class="passed"' if passed else ' class="failed"'
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}{PICTURES * pictures}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title>",
        f"<style>{STYLE}{style}</style></head>",
        f"<body><main><h1{outcome}>{text(title)}</h1>",
        *body,
        "</main></body></html>",
        "",
    ])  # fmt: skip


def table(
    name: str,
    heading: Sequence[str],
    rows: Iterable[Row | Sequence[str]],
    left: Collection[int] = (0,),
    bad: Collection[str] = (),
) -> Iterator[str]:
    """A table with the remarks of its rows; it scrolls within itself where the page is too narrow.

    Args:
        name: for those who can't see it.
        heading: of the columns.
        rows: a row of a single cell names those below it.
        left: columns that are aligned to the left.
        bad: the words of cells that are shown as failures.
    """
    sides = [' class="left"' if at in left else "" for at in range(len(heading))]
    across = f'colspan="{len(heading)}"'
    yield f"{_scroll(name)}<table><thead><tr>"
    yield from (f'<th scope="col"{side}>{text(cell)}</th>' for side, cell in zip(sides, heading, strict=True))
    yield "</tr></thead><tbody>"
    for row in (row if isinstance(row, Row) else Row(row) for row in rows):
        if len(row.cells) == 1:
            yield f'<tr><th class="left group" {across}>{text(row.cells[0])}</th></tr>'
        else:
            shown = (f'<span class="failed">{text(cell)}</span>' if cell in bad else text(cell) for cell in row.cells)
            yield f"<tr>{''.join(f'<td{side}>{cell}</td>' for side, cell in zip(sides, shown, strict=True))}</tr>"
        if row.below:
            remarks = "".join(f"<div>{text(line)}</div>" for line in row.below)
            yield f'<tr><td class="left remark" {across}>{remarks}</td></tr>'
    yield "</tbody></table></div>"


def figure(drawing: str, *, title: str = "", name: str = "", caption: str = "") -> str:
    """A drawing, which is an `svg` element, with its title above and its caption below, where they are not empty.

    A `name` makes a wide drawing scroll within itself, and names it for those who can't see it.
    """
    shown = f"{_scroll(name)}{drawing}</div>" if name else drawing
    above = f"<h3>{text(title)}</h3>" if title else ""
    below = f'<figcaption class="note">{text(caption)}</figcaption>' if caption else ""
    return f"<figure>{above}{shown}{below}</figure>"


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """What the marks of a drawing mean: (elements of SVG in an area of 22 x 14 pixels, their meaning)."""
    shown = (f'<li><svg width="22" height="14" aria-hidden="true">{m}</svg> {text(name)}</li>' for m, name in entries)
    return f'<ul class="legend">{"".join(shown)}</ul>'


def items(entries: Sequence[str]) -> str:
    """A list; empty where there are no entries."""
    return f"<ul>{''.join(f'<li>{text(entry)}</li>' for entry in entries)}</ul>" if entries else ""


def facts(entries: Iterable[tuple[str, str | Sequence[str]]]) -> str:
    """Names, each with what is said of it; one without a name goes on with the one above it."""
    said = ((name, words if isinstance(words, str) else ", ".join(words)) for name, words in entries)
    named = (f"{f'<dt>{text(name)}</dt>' if name else ''}<dd>{text(words)}</dd>" for name, words in said)
    return f"<dl>{''.join(named)}</dl>"


def gallery(entries: Iterable[tuple[str | None, str, str]]) -> str:
    """Small pictures, each with what was found and its name; a page that has one needs the style `GALLERY`.

    Args:
        entries: (PNG in base64, words, name); a picture without a PNG has words only.
    """
    shown = (
        f'<li>{_image(png) if png else ""}{text(words)}<br><span class="note">{text(name)}</span></li>'
        for png, words, name in entries
    )
    return f'<ul class="pictures">{"".join(shown)}</ul>'


def _image(png: str) -> str:
    return f'<img alt="" src="data:image/png;base64,{text(png)}">'


def text(words: str) -> str:
    """Words of others in one line, without control codes and markup."""
    return html.escape(printable(words))


def _scroll(name: str) -> str:
    """The start of an area that scrolls within itself."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{text(name)}">'
