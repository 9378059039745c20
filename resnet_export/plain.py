"""Plain text of 80 columns: what every screen of results has in common."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

WIDTH = 80
INDENT = 17
"""Column at which the values stand."""

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps the parts of one value on one line."""

DIGITS = 12
"""Of a digest: enough to tell two files apart at a glance."""

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Control sequences of terminals, such as colours (ECMA-48, CSI)."""


def wrapped(text: str, first: str = "") -> list[str]:
    """The text in lines of 80 columns behind `first`; a path, though, is never broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * min(len(first), INDENT),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def fact(name: str, *values: str) -> Iterator[str]:
    """A name, and values of which none is broken in two."""
    together = ", ".join(value.replace(" ", NO_BREAK) for value in values)
    yield from (line.replace(NO_BREAK, " ") for line in wrapped(together, f"  {name}".ljust(INDENT)))


def table(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """The rows, the first of them the heading, with two blanks between columns; one where two are too wide.

    Args:
        rows: cells.
        left: the columns that are aligned to the left.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * len(widths) <= WIDTH else " "
    return [
        "  "
        + gap.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def printable(text: str) -> str:
    """A text of others in one line, without control codes: a terminal obeys them, and XML cannot hold them."""
    shown = ESCAPES.sub("", text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in shown).split())


def file_size(count: int) -> str:
    """Bytes in decimal units: 46.8 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def multiply_adds(count: int) -> str:
    """1.814 G."""
    unit, factor = ("G", 1e9) if count >= 1e9 else ("M", 1e6)
    return f"{count / factor:.3f} {unit}"


def number(count: int, what: str, several: str | None = None) -> str:
    """1 layer, 2 layers; `several` where an s doesn't make the plural."""
    return f"{count} {what if count == 1 else several or f'{what}s'}"


def numbers(values: Sequence[float]) -> str:
    """0.485/0.456/0.406."""
    return "/".join(f"{value:g}" for value in values)
