"""Files and folders, here or elsewhere: a path, or an address of a file system of pyarrow's, such as `s3://bucket/key`.

An address is a URI: its path is percent-encoded, and its query has the file system's options, such as
`?endpoint_override=localhost:9000`.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit, urlunsplit

from resnet_export.errors import UnavailableError, UsageError
from resnet_export.files import reported, staged
from resnet_export.optional import require

T = TypeVar("T")
SORTED = 100_000
"""Entries of a folder that are sorted at a time: a folder of millions is never in the memory as a whole."""


class Entry(NamedTuple):
    """What a folder holds."""

    place: str
    """Its path or address."""
    is_folder: bool
    """A link to a folder is none, so that no walk goes round in circles."""
    size: int | None
    """Bytes; None where that can't be found out."""
    modified: int | None
    """Nanoseconds since 1970, likewise."""


def is_address(place: str) -> bool:
    """Whether it is no path of this machine."""
    return "://" in place


def kind_of(place: str) -> Literal["folder", "file"] | None:
    """What is there; None for nothing.

    Raises:
        UsageError: there is no such file system.
        UnavailableError: it can't be reached.
    """
    if not is_address(place):
        return "folder" if Path(place).is_dir() else "file" if os.path.lexists(place) else None
    system, path = _resolved(place)
    with _reached(place):
        kind = system.get_file_info(path).type.name
    return {"Directory": "folder", "File": "file"}.get(kind)  # type: ignore[return-value]


def entries(folder: str) -> Iterator[Entry]:
    """What a folder holds, as it is read, in an order that stays the same while nothing is added.

    Raises:
        OSError: it can't be read.
    """
    if is_address(folder):
        yield from _remote_entries(folder)
        return
    with os.scandir(folder) as found:
        for some in grouped(found, SORTED):
            for entry in sorted(some, key=lambda one: one.name):
                with contextlib.suppress(OSError):  # a link to nothing or to itself: whoever opens it will say so
                    status = entry.stat()
                    yield Entry(entry.path, entry.is_dir(follow_symlinks=False), status.st_size, status.st_mtime_ns)
                    continue
                yield Entry(entry.path, False, None, None)


def _remote_entries(folder: str) -> Iterator[Entry]:
    system, path = _resolved(folder)
    parts = urlsplit(folder)
    found = system.get_file_info(require("pyarrow.fs").FileSelector(path))
    for one in sorted(found, key=lambda one: str(one.base_name)):
        place = parts._replace(path=f"{parts.path.rstrip('/')}/{quote(one.base_name)}").geturl()
        yield Entry(place, one.type.name == "Directory", one.size, one.mtime_ns)


def open_file(place: str) -> IO[bytes]:
    """Opens a file to be read.

    Raises:
        OSError: it can't be.
    """
    if not is_address(place):
        return Path(place).open("rb")
    system, path = _resolved(place)
    file: IO[bytes] = system.open_input_file(path)
    return file


def beside(place: str, name: str) -> str:
    """The place of a file that is named in another one: as it is where it is complete, else from its folder on."""
    if is_address(name) or Path(name).is_absolute():
        return name
    if not is_address(place):
        return str(Path(place).parent / name)
    parts = urlsplit(place)
    return parts._replace(path=f"{parts.path.rpartition('/')[0]}/{quote(name)}").geturl()


def name_of(place: str) -> str:
    """What results call it: the path; an address without its options; the URI of a path that is no text."""
    parts = urlsplit(place) if is_address(place) else None
    if parts is not None:
        if parts.scheme == "file":
            return parts._replace(query="").geturl()
        return f"{parts.scheme}://{parts.netloc}{unquote(parts.path)}"
    try:
        place.encode()
    except UnicodeEncodeError:
        return Path(place).absolute().as_uri()
    return place


def place_of(name: str) -> str:
    """The inverse of `name_of`, but for an address's options."""
    if name.startswith("file://"):
        return os.fsdecode(unquote_to_bytes(urlsplit(name).path))
    if not is_address(name):
        return name
    scheme, _, path = name.partition("://")
    return f"{scheme}://{quote(path)}"


@dataclass(frozen=True)
class Folder:
    """A folder that is written to. A file appears in it whole or not at all."""

    place: str

    def read(self, name: str) -> bytes | None:
        """The contents of a file; None where there is none.

        Raises:
            UnavailableError: it can't be read.
        """
        try:
            with open_file(self._place_of(name)) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"{self._place_of(name)} cannot be read: {error.strerror or error}.") from error

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, on the disk on return.

        Raises:
            UnavailableError: it can't be written.
        """
        place = self._place_of(name)
        if not is_address(self.place):
            with reported(place), staged(place) as temporary:
                temporary.write_bytes(content)
            return
        system, path = _resolved(place)
        with reported(name_of(place)), system.open_output_stream(path) as stream:
            stream.write(content)  # all at once: an upload that is cut off leaves no object

    def delete(self, name: str) -> None:
        """Deletes a file, where it is there, or what is left of one that was begun."""
        place = self._place_of(name)
        with reported(place), contextlib.suppress(FileNotFoundError):
            if is_address(place):
                system, path = _resolved(place)
                system.delete_file(path)
            elif Path(place).is_dir():
                shutil.rmtree(place)
            else:
                Path(place).unlink()

    def names(self) -> list[str]:
        """What is in it; nothing where it does not exist."""
        try:
            places = [entry.place for entry in entries(self.place)]
        except FileNotFoundError:
            return []
        return [unquote(place.rpartition("/")[2]) if is_address(place) else Path(place).name for place in places]

    def create(self) -> None:
        """Makes it, where it isn't there.

        Raises:
            UnavailableError: it can't be made.
        """
        with reported(name_of(self.place)):
            if is_address(self.place):
                system, path = _resolved(self.place)
                system.create_dir(path)
            else:
                Path(self.place).mkdir(parents=True, exist_ok=True)

    def _place_of(self, name: str) -> str:
        if not is_address(self.place):
            return str(Path(self.place, name))
        parts = urlsplit(self.place)
        return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}").geturl()


def grouped(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`, and the rest."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def _resolved(place: str) -> tuple[Any, str]:
    """(file system, path in it) of an address."""
    parts = urlsplit(place)
    with _reached(place):
        system, base = _file_system(parts.scheme, parts.netloc, parts.query)
    return system, f"{base.rstrip('/')}{unquote(parts.path)}"


@cache
def _file_system(scheme: str, authority: str, query: str) -> tuple[Any, str]:
    return require("pyarrow.fs").FileSystem.from_uri(urlunsplit((scheme, authority, "/", query, "")))  # type: ignore[no-any-return]


@contextlib.contextmanager
def _reached(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"{name_of(place)} cannot be reached: {error.strerror or error}.",
            hint="Check the address, the credentials and the network.",
        ) from error
    except ValueError as error:  # pyarrow's ArrowInvalid
        why = str(error).partition(":")[0]  # behind it stands the address with its options, which may be secret
        raise UsageError(
            f"{name_of(place)} is in no file system that pyarrow has: {why}.", hint="Give a path, s3:// or gs://."
        ) from error
