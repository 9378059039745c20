"""Plain text for a terminal: lines, facts and tables that fit 80 or 100 columns, and text of others made harmless."""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

WIDTH = 80
WIDE = 100
"""Columns of a table of measurements; sentences keep to `WIDTH`, which is easier to read."""
INDENT = 17
"""Column at which the values of facts begin."""
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps the parts of one value on one line."""
DIGITS = 12
"""Digits of a digest that are shown: enough to tell two files apart."""
LEAST_NAME = 8
"""Columns that a table leaves for its names before it brings its columns closer together."""
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Control sequences of terminals, such as colours (ECMA-48, CSI)."""


@dataclass(frozen=True)
class Row:
    """A row of a table with the remarks that stand below it."""

    cells: Sequence[str]
    below: Sequence[str] = ()


class _Wrapper(textwrap.TextWrapper):
    """Breaks a word that is longer than a line behind its commas, such as a runtime with options; a path it doesn't."""

    def _split(self, text: str) -> list[str]:
        room = self.width - len(self.subsequent_indent)
        chunks: list[str] = []
        for chunk in super()._split(text):
            whole = len(chunk) <= room or "/" in chunk or "\\" in chunk
            chunks += [chunk] if whole else [part for part in re.split("(?<=,)", chunk) if part]
        return chunks


def wrapped(text: str, first: str = "", *, width: int = WIDTH, indent: int = INDENT, fold: bool = False) -> list[str]:
    """The paragraph in lines of `width` columns, of which the first begins with `first`.

    The others are indented by as many columns as `first` has, at most by `indent`. `fold` breaks words that are longer
    than a line, too; without it a path is kept whole, so that it can be copied.
    """
    wrapper = _Wrapper(
        width,
        initial_indent=first,
        subsequent_indent=" " * min(len(first), indent),
        break_long_words=fold,
        break_on_hyphens=False,
    )
    return [line.replace(NO_BREAK, " ") for line in wrapper.wrap(text)] or [first.rstrip()]


def listed(values: Iterable[str], separator: str = ", ") -> str:
    """The values as a text in which none that is short is broken in two."""
    return separator.join(value.replace(" ", NO_BREAK) if len(value) < WIDTH // 2 else value for value in values)


def fact(name: str, *values: str, indent: int = INDENT, fold: bool = False) -> Iterator[str]:
    """A name, and at column `indent` its values; a name that is too long has a line of its own. `fold` as above."""
    first = f"  {name}"
    if len(first) >= indent:
        yield from wrapped(name, "  ", fold=fold)
        first = ""
    yield from wrapped(listed(values), first.ljust(indent), indent=indent, fold=fold)


def table(
    heading: Sequence[str], rows: Iterable[Row | Sequence[str]], *, left: Collection[int] = (0,), width: int = WIDTH
) -> list[str]:
    """The lines of a table that is `width` columns wide, with its remarks.

    Columns that no row fills are left out; those in `left` are aligned to the left. Two blanks separate the columns, or
    one where the table is too wide. A name in the first column that still does not fit has a line above its row.
    """
    shown = [row if isinstance(row, Row) else Row(row) for row in rows]
    body = [[printable(cell) for cell in row.cells] for row in shown]
    gap, room = _room(heading, body, width)
    names = [cells[0] if len(cells[0]) > room else "" for cells in body]
    for cells, name in zip(body, names, strict=True):
        cells[0] = "" if name else cells[0]
    kept = _filled(body)
    widths = [max(map(len, column)) for column in zip(heading, *body, strict=True)]

    def line(cells: Sequence[str]) -> str:
        aligned = (cells[at].ljust(widths[at]) if at in left else cells[at].rjust(widths[at]) for at in kept)
        return f"  {gap.join(aligned)}".rstrip()

    lines = [line(heading)] if body else []
    for row, cells, name in zip(shown, body, names, strict=True):
        lines += wrapped(listed(name.split(", ")), "  ", width=width) if name else []
        lines.append(line(cells))
        lines += [part for remark in row.below for part in wrapped(printable(remark), "    ", width=WIDTH)]
    return lines


def _filled(body: Sequence[Sequence[str]]) -> list[int]:
    """The columns that a row fills."""
    return [at for at, column in enumerate(zip(*body, strict=True)) if any(column)]


def _room(heading: Sequence[str], body: Sequence[Sequence[str]], width: int) -> tuple[str, int]:
    """(what separates the columns, how many columns are left for the names)."""
    widths = [max(len(heading[at]), *(len(cells[at]) for cells in body)) for at in _filled(body)]
    names = max((len(cells[0]) for cells in body), default=0)
    others = sum(widths) - (widths[0] if names else 0)
    gaps = len(widths) - (1 if names else 0)
    for gap in ("  ", " "):
        room = width - len("  ") - others - gaps * len(gap)
        if room >= min(names, LEAST_NAME):
            break
    return gap, room


def blocks(*parts: Iterable[str]) -> str:
    """Blocks of lines with an empty line between them; empty blocks are left out."""
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def some(entries: Sequence[str], most: int) -> list[str]:
    """The first of them, and how many more there are."""
    return [*entries[:most], *more(len(entries) - most)]


def more(hidden: int) -> list[str]:
    """A line on what is not shown, where there is any."""
    return [f"  ... and {hidden} more; --json has them all"] if hidden > 0 else []


def printable(text: str) -> str:
    """A text of others in one line, without control codes: a terminal obeys them, and XML cannot hold them."""
    shown = ESCAPES.sub("", text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in shown).split())


def clipped(text: str, longest: int) -> str:
    """A text of others in one line, without its end where it is long."""
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[:longest].rstrip()}..."


def shortened(name: str, longest: int) -> str:
    """A name without its middle where it is long: its end tells it from its neighbours."""
    half = (longest - len("...")) // 2
    return name if len(name) <= longest else f"{name[:half]}...{name[-half:]}"


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
