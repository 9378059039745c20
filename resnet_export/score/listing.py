"""From what a user names to pictures, as they are found: folders, patterns, files, and lists of paths or of contents.

A list is a text file with a path a line, a CSV file with a column `path`, or a Parquet file with such a column or with
the pictures themselves. A path in a list begins at the list's folder.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import itertools
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from resnet_export.classify.decoder import Source
from resnet_export.errors import ImageError, InputError, quote_some
from resnet_export.images import SUFFIXES, is_hidden
from resnet_export.optional import require
from resnet_export.storage import SORTED, beside, entries, grouped, is_address, kind_of, name_of, open_file

LISTED = SUFFIXES | {".avif", ".heic", ".heif"}
"""Files of a folder that count as pictures; one that Pillow can't read gets a row that says so."""
LISTS = (".txt", ".csv", ".parquet")
COLUMN = "path"
ROWS = 64
"""Rows of a Parquet file that are in the memory at a time."""
HINT = "Give pictures, folders, patterns such as 'photos/*.jpg', or lists in .txt, .csv or .parquet."


def check_inputs(inputs: Sequence[str]) -> None:
    """Finds out before the work that something which was named isn't there.

    Raises:
        ImageError: it isn't.
        InputError: it is a list that can't be read.
    """
    if not inputs:
        raise ImageError("No pictures were given.", hint=HINT)
    for given in inputs:
        if not _is_pattern(given) and kind_of(given) is None:
            raise ImageError(f"There is no {name_of(given)}.", hint=HINT)
        with contextlib.closing(_found(given, contents=False)) as found:
            try:
                next(found, None)
            except OSError as error:
                raise ImageError(f"{name_of(given)} cannot be read: {error.strerror or error}.", hint=HINT) from error


def list_pictures(inputs: Iterable[str], *, contents: bool = True) -> Iterator[Source]:
    """The pictures, perhaps some of them twice; without `contents` only as many of them.

    What can't be read below a folder is listed itself, so that whoever opens it says why.

    Raises:
        InputError: a list can't be read.
    """
    for given in inputs:
        yield from _found(given, contents=contents)


def _found(given: str, *, contents: bool) -> Generator[Source, None, None]:
    if _is_pattern(given):
        matches = glob.iglob(given, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        for path in itertools.chain.from_iterable(map(sorted, grouped(matches, SORTED))):
            if _suffix(path) in LISTED and not Path(path).is_dir() and not _behind_link(str(Path(path).parent), given):
                yield _file(path)
    elif kind_of(given) == "folder":
        yield from _walk(given if is_address(given) else str(Path(given)))
    elif _suffix(given) in LISTS:
        readers = {".txt": _lines, ".csv": _table, ".parquet": _parquet}
        yield from readers[_suffix(given)](given, contents=contents)
    else:
        yield _file(given)


def _walk(folder: str, *, top: bool = True) -> Iterator[Source]:
    """The pictures below a folder; links to folders are not followed, and what is hidden is left out."""
    folders = []
    try:
        for entry in entries(folder):
            if is_hidden(PurePath(entry.place).name):
                continue
            if entry.is_folder:
                folders.append(entry.place)
            elif _suffix(entry.place) in LISTED:
                yield Source(name_of(entry.place), entry.place, None, entry.size, entry.modified)
    except OSError:
        if top:
            raise
        yield Source(name_of(folder), folder)
    for inner in folders:
        yield from _walk(inner, top=False)


def _lines(file: str, *, contents: bool) -> Iterator[Source]:
    with _reading(file), io.TextIOWrapper(open_file(file), "utf-8-sig", "surrogateescape") as text:
        yield from (_file(beside(file, line.rstrip("\r\n"))) for line in text if line.strip())


def _table(file: str, *, contents: bool) -> Iterator[Source]:
    with _reading(file), io.TextIOWrapper(open_file(file), "utf-8-sig", "surrogateescape", newline="") as text:
        rows = csv.DictReader(text)
        _require(file, COLUMN in (rows.fieldnames or ()), rows.fieldnames or ())
        yield from (_file(beside(file, row[COLUMN])) for row in rows if row[COLUMN])


def _parquet(file: str, *, contents: bool) -> Iterator[Source]:
    """Rows with the bytes of a picture, as `{bytes, path}` or by themselves, or with its path."""
    import_types, parquet = require("pyarrow.types"), require("pyarrow.parquet")
    with _reading(file), open_file(file) as opened, parquet.ParquetFile(opened) as table:
        schema = table.schema_arrow
        held = [field.name for field in schema if _is_content(import_types, field.type)]
        _require(file, bool(held) or COLUMN in schema.names, schema.names)
        if held and not contents:
            yield from (Source(_row(file, row), "") for row in range(table.metadata.num_rows))
            return
        number = 0
        for batch in table.iter_batches(ROWS, columns=[held[0] if held else COLUMN], use_threads=False):
            for value in batch.column(0).to_pylist():
                content = value["bytes"] if isinstance(value, dict) else value
                if isinstance(content, bytes) or held:
                    yield Source(_row(file, number), "", content or b"", len(content or b""))
                else:
                    yield _file(beside(file, content or ""))
                number += 1


def _is_content(types: Any, kind: Any) -> bool:
    if types.is_struct(kind):
        return any(field.name == "bytes" and _is_content(types, field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _row(file: str, number: int) -> str:
    """What results call a picture in a Parquet file."""
    return f"{name_of(file)}#{number}"


def _file(place: str) -> Source:
    """A picture that was named, whatever its suffix is."""
    if is_address(place):
        return Source(name_of(place), place)
    place = str(Path(place))
    try:
        status = os.stat(place)  # noqa: PTH116 - a name that is no text
    except (OSError, ValueError):  # whoever opens it will say so
        return Source(name_of(place), place)
    return Source(name_of(place), place, None, status.st_size, status.st_mtime_ns)


@contextlib.contextmanager
def _reading(file: str) -> Iterator[None]:
    try:
        yield
    except (csv.Error, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        if isinstance(error, InputError):
            raise
        raise InputError(f"The list {name_of(file)} cannot be read: {error}.", hint=HINT) from error


def _require(file: str, there: bool, columns: Iterable[str]) -> None:
    if not there:
        raise InputError(
            f"The list {name_of(file)} has no column {COLUMN!r}; it has {quote_some(columns) or 'none'}.",
            hint=f"Name the column with the paths {COLUMN}.",
        )


def _is_pattern(given: str) -> bool:
    return glob.has_magic(given) and not is_address(given) and not os.path.lexists(given)


@lru_cache
def _behind_link(folder: str, pattern: str) -> bool:
    """Whether `**` came to a folder by a link, which may lead round in circles."""
    fixed = len(Path(pattern.partition("**")[0]).parts)
    return "**" in pattern and any(
        path.is_symlink() for path in [Path(folder), *Path(folder).parents][: -fixed or None]
    )


def _suffix(place: str) -> str:
    return PurePath(place.partition("?")[0] if is_address(place) else place).suffix.lower()
