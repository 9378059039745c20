"""Tables for other programs: comma-separated values, and Markdown as GitHub shows it."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from resnet_export.terminal import printable


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line for each row below the names of the columns, in the order in which they first occur; None is empty."""
    known = list(rows)
    columns = list(dict.fromkeys(name for row in known for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _value(value) for name, value in row.items()} for row in known)
    return text.getvalue().rstrip("\n")


def columns(value: object | None, *names: str, prefix: str = "") -> dict[str, Any]:
    """These attributes of a value as columns; None where there is no value."""
    return {f"{prefix}{name}": None if value is None else getattr(value, name) for name in names}


def as_markdown(
    heading: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: Collection[int] = (0,),
    centred: Collection[int] = (),
) -> str:
    """A table; the columns that are neither in `left` nor in `centred` are aligned to the right."""
    align = ["---" if at in left else ":---:" if at in centred else "---:" for at in range(len(heading))]
    return "\n".join(f"| {' | '.join(map(markdown_cell, line))} |" for line in (heading, align, *rows))


def markdown_cell(text: str) -> str:
    """One line without the mark that ends a cell, or markup."""
    shown = printable(text).replace("\\", "\\\\")
    for mark in "|<*_`":
        shown = shown.replace(mark, f"\\{mark}")
    return shown


def _value(value: Any) -> Any:
    """Truth as JSON writes it, and text in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    return printable(value) if isinstance(value, str) else value
