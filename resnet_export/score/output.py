"""`Output`: the folder with the parts and their manifest. A part counts only once the manifest names it.

A part is written under a name of its own, and then the manifest, each whole or not at all. Whatever ends the program,
the manifest names whole parts, and the same command goes on behind them.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from resnet_export.classify.decoder import Source
from resnet_export.data import decode, to_json
from resnet_export.errors import InputError, UnavailableError, UsageError
from resnet_export.files import locked, reported
from resnet_export.score import tables
from resnet_export.score.results import MANIFEST, VERSION, Manifest, Part, Row, Settings
from resnet_export.storage import Folder, is_address, name_of

LOCK = ".lock"
LEFT = ("part-", ".part-", f".{MANIFEST}.")
"""How files begin that a run may leave when it is ended; those with a point are only begun."""
NO_PART = -1
"""Of a picture whose row is in no part yet."""


class Known(NamedTuple):
    """A picture that has its row, or gets it in this run."""

    part: int
    """Its place in the manifest; `NO_PART` where it has none yet."""
    bytes: int | None
    modified_ns: int | None


class Index:
    """Names of pictures, on the disk: a million of them take no memory."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="resnet-export-", ignore_cleanup_errors=True)
        self._known = sqlite3.connect(Path(self._folder.name, "known.sqlite"), isolation_level=None)
        self._known.execute("pragma journal_mode = off")
        self._known.execute("pragma synchronous = off")
        self._known.execute(
            "create table known (name text primary key, part int, bytes int, modified int) without rowid"
        )

    def find(self, name: str) -> Known | None:
        """What is known of a picture."""
        found = self._known.execute("select part, bytes, modified from known where name = ?", (name,)).fetchone()
        return None if found is None else Known(*found)

    def put(self, name: str, known: Known) -> None:
        """Notes a picture."""
        self._known.execute("insert or replace into known values (?, ?, ?, ?)", (name, *known))

    def close(self) -> None:
        """Deletes it."""
        self._known.close()
        self._folder.cleanup()


class Output:
    """The parts of one run, or of several with the same settings.

    Attributes:
        manifest: names the parts that count.
        known: rows that were there when it was opened.
        close: gives the folder free.
    """

    def __init__(self, place: str, model: str, settings: Settings, versions: Mapping[str, str]) -> None:
        """Opens the folder, or begins it.

        Raises:
            UsageError: it holds something else, or the results of other settings.
            UnavailableError: it can't be read or written, or another process has it open.
            InputError: its manifest is damaged, or a part is missing.
        """
        self._folder = Folder(place)
        self._replaced: dict[int, set[str]] = {}
        self._since = time.monotonic()
        with contextlib.ExitStack() as opened:
            self._index = opened.enter_context(contextlib.closing(Index()))
            self._folder.create()
            opened.enter_context(self._locked())
            found = read_manifest(self._folder)
            self.manifest = self._begun(model, settings, versions) if found is None else self._resumed(found, settings)
            self.known = self._read_known()
            self.close = opened.pop_all().close

    def due(self, pictures: Iterator[Source], *, changed: bool) -> Iterator[Source]:
        """Those that have no row yet, each once; and those that have changed since theirs was written, if so wanted."""
        for picture in pictures:
            known = self._index.find(picture.name)
            if known is not None:
                same = (known.bytes, known.modified_ns) == (picture.size, picture.modified)
                if known.part == NO_PART or same or not changed:
                    continue
                self._replaced.setdefault(known.part, set()).add(picture.name)
            self._index.put(picture.name, Known(NO_PART, picture.size, picture.modified))
            yield picture

    def add(self, rows: Sequence[Row]) -> None:
        """Writes a part; it counts on return. Rows of the same pictures in older parts count no longer.

        Raises:
            UnavailableError: it can't be written. Nothing has changed then.
        """
        now = time.monotonic()
        parts, obsolete = list(self.manifest.parts), []
        names = {row.path for row in rows}
        for place in [place for place, gone in self._replaced.items() if gone & names]:
            gone = self._replaced[place] & names
            obsolete.append(parts[place].file)
            parts[place] = self._without(parts[place], gone)
            self._replaced[place] -= gone
        content = tables.encode(map(tables.as_dict, rows), self.manifest.settings)
        errors = sum(row.error is not None for row in rows)
        parts.append(self._written(content, len(rows), errors, now - self._since))
        self._commit(replace(self.manifest, parts=tuple(parts)))
        for file in obsolete:
            self._folder.delete(file)
        self._since = now

    def _without(self, part: Part, gone: set[str]) -> Part:
        """A copy of a part without some rows."""
        settings = self.manifest.settings
        rows = tables.read(read_part(self._folder, part), settings, [*tables.PLAIN, *tables.LISTS, *tables.NUMBERS])
        left = [row for row in rows if row["path"] not in gone]
        errors = sum(row["error"] is not None for row in left)
        return self._written(tables.encode(left, settings), len(left), errors, part.seconds)

    def _written(self, content: bytes, rows: int, errors: int, seconds: float) -> Part:
        file = f"part-{self.manifest.named:05d}.{self.manifest.settings.format}"
        self.manifest = replace(self.manifest, named=self.manifest.named + 1)
        self._folder.write(file, content)
        return Part(file, rows, errors, len(content), round(seconds, 3))

    def _commit(self, manifest: Manifest) -> None:
        self._folder.write(MANIFEST, f"{to_json(manifest)}\n".encode())
        self.manifest = manifest

    def _locked(self) -> contextlib.AbstractContextManager[object]:
        """A lock on the folder, where it is one of this machine."""
        if is_address(self._folder.place):
            return contextlib.nullcontext()
        path = Path(self._folder.place, LOCK)
        with reported(path):
            file = path.open("ab")
        if not locked(file):
            file.close()
            raise UnavailableError(
                f"{self._folder.place} is in use: score writes to it.", hint="Wait for it, or end it."
            )
        return file

    def _begun(self, model: str, settings: Settings, versions: Mapping[str, str]) -> Manifest:
        others = [name for name in self._folder.names() if not name.startswith((LOCK, LEFT[-1]))]
        if others:
            raise UsageError(
                f"{name_of(self._folder.place)} holds {others[0]!r}, and no results of score.",
                hint="Give an empty folder, or a new one, as --output.",
            )
        manifest = Manifest(model, settings, versions)
        self._commit(manifest)
        return manifest

    def _resumed(self, found: Manifest, settings: Settings) -> Manifest:
        differences = settings.differences(found.settings)
        if differences:
            raise UsageError(
                f"{name_of(self._folder.place)} holds the results of another run: {', '.join(differences)}.",
                hint="Give the same model and options, or another --output.",
            )
        named = {part.file for part in found.parts}
        for name in self._folder.names():  # what a run that was ended has left
            if name.startswith(LEFT) and name not in named:
                self._folder.delete(name)
        return found

    def _read_known(self) -> int:
        count = 0
        for place, part in enumerate(self.manifest.parts):
            content = read_part(self._folder, part)
            for row in tables.read(content, self.manifest.settings, ["path", "bytes", "modified_ns"]):
                self._index.put(row["path"], Known(place, row["bytes"], row["modified_ns"]))
                count += 1
        return count


def read_manifest(folder: Folder) -> Manifest | None:
    """The manifest of a folder; None where there is none.

    Raises:
        InputError: it is damaged, or of another version.
    """
    content, where = folder.read(MANIFEST), f"{name_of(folder.place)}/{MANIFEST}"
    if content is None:
        return None
    found = decode(Manifest, content, where, hint="Give another folder.")
    if found.schema_version != VERSION:
        raise InputError(f"{where} has version {found.schema_version}, not {VERSION}.", hint="Give another folder.")
    return found


def read_part(folder: Folder, part: Part) -> bytes:
    """The bytes of a part.

    Raises:
        InputError: it is missing, or isn't what was written.
    """
    content = folder.read(part.file)
    if content is None or len(content) != part.bytes:
        how = "is missing" if content is None else f"has {len(content)} bytes, and {part.bytes} were written"
        raise InputError(
            f"{name_of(folder.place)}/{part.file}, which the manifest names, {how}.",
            hint="Fetch it from a copy, or score the pictures anew into another folder.",
        )
    return content
