"""Pictures are decoded in several processes: one that brings its process down costs its own answer only.

A process is asked for a few pictures at a time. It imports NumPy and Pillow, and nothing of the network.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import error_text
from resnet_export.errors import ImageError, ResNetExportError, RuntimeCrashedError
from resnet_export.images import Preprocessing, as_pixels, decode_picture, prepare
from resnet_export.machine.cpu import usable_cpus
from resnet_export.storage import grouped, is_address, open_file
from resnet_export.workers import stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

Reason = Literal[
    "missing", "unreadable", "empty", "not a picture", "truncated", "damaged", "too large", "timed out", "crashed"
]
"""Why a picture can't be decoded."""
CHUNK = 16
"""Pictures of one call: small ones are decoded faster than a process is asked for them."""
TIMEOUT_S = 30.0
"""For a picture: the largest that is decoded takes some 2 s."""
TARGET = f"{__name__}:Decoder"
"""What a worker is that decodes: its method `decode` takes a `Chunk`."""
ORIENTATION = 0x0112
"""The tag of EXIF that says how a picture is to be turned; from 5 on it lies on its side."""
OBJECT = re.compile(r" ?'?<_io\..*>'?")
"""How Pillow names a file that has no name."""


class Source(NamedTuple):
    """A picture that is to be decoded."""

    name: str
    """What results call it."""
    place: str
    """Its path or address."""
    content: bytes | None = None
    """The bytes of the file where they are known already."""
    size: int | None = None
    """How many there are; None where that isn't known."""
    modified: int | None = None
    """When the file was changed last, in nanoseconds since 1970."""


class Recipe(NamedTuple):
    """How pictures are decoded."""

    preprocessing: Preprocessing
    prepared: bool = True
    """Whether they are resized and cropped; else they are left as they are."""
    fast: bool = False
    """Whether libjpeg makes a JPEG smaller while it decodes it, by 2, 4 or 8, as far as the resize allows."""


class Decoded(NamedTuple):
    """A picture, or why there is none."""

    pixels: NDArray[np.uint8] | None
    """(height, width, C), 0..255."""
    width: int | None
    """Of the upright picture as it was, in pixels; None where that isn't known."""
    height: int | None
    frames: int = 1
    """How many it has; the first is taken."""
    error: Reason | None = None
    detail: str | None = None
    """The same in the words of what failed."""


class Chunk(NamedTuple):
    """What a process is asked for at a time."""

    sources: list[Source]
    recipe: Recipe


class Decoder:
    """What a worker does."""

    def __init__(self, report: Callable[[Any], None]) -> None:
        self._report = report

    def decode(self, chunk: Chunk) -> list[Decoded]:
        """The pictures in their order. After each one a sign of life is given."""
        found = []
        for opened in _opened(chunk.sources):
            if isinstance(opened, Decoded):
                found.append(opened)
            else:
                with opened:
                    found.append(decode(opened, chunk.recipe))
            self._report(None)
        return found


def decode(file: IO[bytes], recipe: Recipe) -> Decoded:
    """The picture in a file that is open, or why there is none."""
    seen = Decoded(None, None, None)

    def look(opened: Image.Image) -> None:
        nonlocal seen
        size = opened.size
        if getattr(opened, "is_animated", False):
            seen = seen._replace(frames=opened.n_frames)  # type: ignore[attr-defined]
        if recipe.fast and recipe.prepared:
            opened.draft(None, recipe.preprocessing.resized(*size))
        turned = opened.getexif().get(ORIENTATION, 1) >= 5
        width, height = size[::-1] if turned else size
        seen = seen._replace(width=width, height=height)

    beginning = file.read(16)
    file.seek(0)
    try:
        picture = decode_picture(file, len(recipe.preprocessing.mean), look)
        return seen._replace(pixels=prepare(picture, recipe.preprocessing) if recipe.prepared else as_pixels(picture))
    except Exception as error:  # whatever a decoder raises on damaged data: struct.error, IndexError, ...
        reason, detail = _reason(error, beginning)
        return seen._replace(error=reason, detail=detail)


def _reason(error: Exception, beginning: bytes) -> tuple[Reason, str]:
    """Why a picture can't be decoded, and in which words that is said."""
    from PIL import Image, UnidentifiedImageError

    cause = error.__cause__ if isinstance(error, ImageError) else error
    words = OBJECT.sub("", str(cause or error)).strip() or type(cause).__name__
    if not beginning:
        return "empty", "the file has no bytes"
    if isinstance(cause, UnidentifiedImageError):
        if beginning[4:8] == b"ftyp":
            return "not a picture", f"its format is {beginning[8:12].decode('ascii', 'replace')}, which Pillow lacks"
        return "not a picture", words
    if cause is None or isinstance(cause, Image.DecompressionBombError):
        return "too large", words.removeprefix("has ")
    if isinstance(cause, MemoryError):
        return "too large", "the memory does not suffice"
    return ("truncated" if "truncated" in words.lower() or isinstance(cause, EOFError) else "damaged"), words


def decode_all(
    sources: Iterable[Source],
    recipe: Recipe,
    *,
    processes: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Generator[tuple[Source, Decoded], None, None]:
    """The pictures in their order, decoded ahead of whoever takes them, as far as the bounded queues let.

    Args:
        sources: taken as they are due.
        recipe: how they are decoded.
        processes: that decode at a time; None for one for each CPU.
        timeout_s: seconds that one picture may take.
    """
    asked: deque[Chunk] = deque()

    def chunks() -> Iterator[Chunk]:
        for some in grouped(sources, CHUNK if recipe.prepared else 1):  # of pictures of any size few fit into memory
            asked.append(Chunk(some, recipe))
            yield asked[-1]

    results = stream(
        TARGET, processes or usable_cpus(), "decode", chunks(), timeout_s=timeout_s, doing="decoding pictures"
    )
    with contextlib.closing(results):
        for found in results:
            given = asked.popleft()
            if isinstance(found, RuntimeCrashedError):  # each picture by itself shows which one it was
                found = decode_alone(given, timeout_s)
            elif isinstance(found, ResNetExportError):
                raise found
            yield from zip(given.sources, found, strict=True)


def decode_alone(chunk: Chunk, timeout_s: float = TIMEOUT_S) -> list[Decoded]:
    """The pictures, each in a call of its own: which of them bring their process down."""
    alone = [chunk._replace(sources=[source]) for source in chunk.sources]
    found = stream(TARGET, 1, "decode", alone, timeout_s=timeout_s, doing="decoding a picture")
    return [one[0] if isinstance(one, list) else _failed(one) for one in found]


def _failed(error: ResNetExportError) -> Decoded:
    hung = isinstance(error, RuntimeCrashedError) and error.hung
    return Decoded(None, None, None, error="timed out" if hung else "crashed", detail=error.message)


def _opened(sources: list[Source]) -> Iterator[IO[bytes] | Decoded]:
    """The files, or why one can't be read; those that are elsewhere are fetched together."""
    if not any(is_address(source.place) and source.content is None for source in sources):
        yield from map(_open, sources)
        return
    with ThreadPoolExecutor(len(sources)) as threads:
        yield from threads.map(_open, sources)


def _open(source: Source) -> IO[bytes] | Decoded:
    if source.content is not None:
        return BytesIO(source.content)
    try:
        if is_address(source.place):
            with open_file(source.place) as file:
                return BytesIO(file.read())
        if not Path(source.place).is_file():  # a pipe would be waited for
            os.stat(source.place)  # noqa: PTH116 - says what is missing
            return Decoded(None, None, None, error="unreadable", detail="it is no file, or a folder that is closed")
        return open_file(source.place)
    except FileNotFoundError:
        return Decoded(None, None, None, error="missing", detail="there is no such file")
    except (OSError, ResNetExportError) as error:
        words = getattr(error, "strerror", None) or error_text(error)
        return Decoded(None, None, None, error="unreadable", detail=words)
