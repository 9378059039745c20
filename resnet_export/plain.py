"""The former name of `terminal`, for modules that still use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export import terminal
from resnet_export.terminal import (
    DIGITS,
    INDENT,
    NO_BREAK,
    WIDTH,
    fact,
    file_size,
    multiply_adds,
    number,
    numbers,
    printable,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = [
    "DIGITS",
    "INDENT",
    "NO_BREAK",
    "WIDTH",
    "fact",
    "file_size",
    "multiply_adds",
    "number",
    "numbers",
    "printable",
    "table",
    "wrapped",
]


def table(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """The rows, the first of them the heading."""
    return terminal.table(rows[0], rows[1:], left=left)
