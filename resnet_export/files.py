"""Atomic writing, and the folder of the user's cache.

A file appears whole under its name or not at all, and what stood there stays until then.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from resnet_export.errors import UnavailableError, UsageError

CACHE_VARIABLE = "RESNET_EXPORT_CACHE"
"""The environment variable that names another folder."""
LOCKED_BYTE = 1 << 40
"""On Windows a lock keeps others from reading what it covers: it covers what no file reaches."""


def cache_folder() -> Path:
    """Where downloads and the journals of benchmarks are kept."""
    import platformdirs

    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("resnet-export", appauthor=False))


def is_text(path: Path) -> bool:
    """Whether the name of a file is UTF-8: native libraries, such as the runtimes', open no other."""
    return str(path).encode(errors="replace").decode() == str(path)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def staged(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside `path`; the file written under `path`'s name in it replaces `path` on leaving.

    Other files in the folder (external data) are moved beside it first. On any exception, Ctrl-C included,
    the folder is removed and `path` is as it was.

    Raises:
        UnavailableError: the folder cannot be written, or the disk is full.
    """
    target = Path(path)
    with reported(target):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder / target.name
        with reported(target):
            for file in sorted(folder.iterdir(), key=lambda file: file.name == target.name):
                file.chmod(0o666 & ~_umask())
                _sync(file)
                file.replace(target.with_name(file.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def staged_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty folder that becomes `path` on leaving, in place of what stands there.

    On any exception, Ctrl-C included, it is removed and `path` is as it was.

    Raises:
        UnavailableError: it cannot be written, or the disk is full.
    """
    target = Path(path).resolve()
    with reported(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    made, before = work / "made", work / "before"
    try:
        made.mkdir()
        yield made
        with reported(target):
            for file in made.rglob("*"):
                if file.is_file():
                    _sync(file)
            if target.exists():
                target.replace(before)
            made.replace(target)
    finally:
        if before.exists() and not target.exists():
            before.replace(target)
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def reported(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an `OSError` of writing `path` into the error that a user reads.

    Raises:
        UnavailableError: the operating system refused: no space, no permission, a read-only file system.
    """
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"{os.fspath(path)} cannot be written: {error.strerror or error}. Nothing was changed.",
            hint="Free some space, or give a place that can be written.",
        ) from error


def refuse_overwriting(path: str | os.PathLike[str], *, force: bool, option: str = "--output") -> None:
    """Finds out before the work, not after, that `path` cannot be written.

    Args:
        path: the file.
        force: replace it where it exists.
        option: that names it, for the hints.

    Raises:
        UsageError: it exists and `force` is not set, or its folder does not exist, or it is a folder.
        UnavailableError: its folder is not writable.
    """
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{target} is a folder.", hint=f"Give the name of a file in it with {option}.")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already.", hint=f"Give --force to replace it, or another {option}.")
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist.", hint=f"Create it, or give another {option}.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UnavailableError(f"The folder {target.parent} is not writable.", hint=f"Give another {option}.")


def refuse_filled_folder(path: str | os.PathLike[str], *, force: bool, ours: Callable[[Path], bool]) -> None:
    """Finds out before the work that a folder cannot be made at `path`.

    Args:
        path: the folder, which may be empty, or not exist yet.
        force: replace what is there.
        ours: whether a folder is a former result; with `force`, too, nothing else is replaced.

    Raises:
        UsageError: it is a file, or holds something and `force` is not set, or something else than a former result.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file, and a folder is to be made.", hint="Give another --output.")
    if not target.is_dir() or not (inside := next(target.iterdir(), None)):
        return
    if not ours(target):
        raise UsageError(
            f"The folder {target} is not empty: it holds {inside.name!r}, and no former result.",
            hint="Give an empty folder, or a new one, as --output; --force would delete what is not its own.",
        )
    if not force:
        raise UsageError(f"The folder {target} is not empty.", hint="Give --force to replace it, or another --output.")


def require_space(target: Path, needed: int) -> None:
    """Finds out before the work that the disk is too full for so many bytes.

    Raises:
        UnavailableError: it is.
    """
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise UnavailableError(
            f"{target} needs about {needed / 2**20:.1f} MiB, and {free / 2**20:.1f} MiB are free there.",
            hint="Free some space, or give another --output.",
        )


def locked(file: IO[bytes]) -> bool:
    """Locks a file until it is closed, whatever ends the process; False where another process has done so."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks is no reason not to work.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def _umask() -> int:
    """The umask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    """Asks the operating system to put the file on the disk: only then does it say that the disk is full."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
