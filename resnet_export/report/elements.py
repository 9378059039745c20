"""Tables and figures of a page of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.report.chart import text
from resnet_export.report.figures import digits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence


def table(name: str, heading: Sequence[str], rows: Iterable[str], left: Collection[int]) -> Iterator[str]:
    """A table that scrolls within itself where the page is too narrow.

    Args:
        name: for those who can't see it.
        heading: cells, plain text.
        rows: as `row` gives them.
        left: the columns that are aligned to the left.
    """
    cells = (f'<th scope="col"{_side(at, left)}>{text(cell)}</th>' for at, cell in enumerate(heading))
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{text(name)}"><table><thead><tr>'
    yield from (*cells, "</tr></thead><tbody>", *rows, "</tbody></table></div>")


def row(cells: Sequence[str], left: Collection[int]) -> str:
    """A row; its cells are markup."""
    return f"<tr>{''.join(f'<td{_side(at, left)}>{cell}</td>' for at, cell in enumerate(cells))}</tr>"


def figure(value: float, where: str, shown: str | None = None) -> str:
    """A number that says which of the JSON's it is.

    Args:
        value: the number.
        where: its place, such as `cases/0/p50_ms`.
        shown: how it is written; None for four digits.
    """
    return f'<span data-figure="{text(where)}">{text(digits(value) if shown is None else shown)}</span>'


def _side(column: int, left: Collection[int]) -> str:
    return ' class="left"' if column in left else ""
