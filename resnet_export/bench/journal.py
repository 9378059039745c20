"""The journal: one line of JSON per finished case, on the disk before the next begins.

    {"journal": 1, "plan": "<digest>"}
    {"case": "<key>", "result": {...}}

Whatever ends the program, the same plan goes on behind the last whole line. A line that was torn is cut off. While it
is open it is locked, so that the same command given twice at once doesn't measure everything twice.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from resnet_export.bench.results import CaseResult
from resnet_export.errors import InputError, UnavailableError
from resnet_export.files import reported

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

VERSION = 1
LOCKED_BYTE = 1 << 40
"""On Windows a lock keeps others from reading what it covers: it covers what no journal reaches."""


class Journal:
    """The finished cases of one plan. A context manager.

    Attributes:
        finished: key of a case -> its result.
        broken: why something could not be written to it; None where everything was.
    """

    def __init__(self, path: Path, plan: str) -> None:
        """Opens it, or begins it.

        Args:
            path: of the file.
            plan: its digest.

        Raises:
            InputError: the file is no journal, or of another plan.
            UnavailableError: it can't be read or written, or another process has it open.
        """
        self.path = path
        self.finished: dict[str, CaseResult] = {}
        self.broken: str | None = None
        with reported(path):
            self._file = path.open("a+b")
            try:
                if not _lock(self._file):
                    raise UnavailableError(
                        f"{path} is in use: the same benchmark runs already.", hint="Wait for it, or end it."
                    )
                self._resume(plan)
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, result: CaseResult) -> None:
        """Appends a finished case; it is on the disk on return, or `broken` says why it isn't.

        A disk that is full is no reason to lose what was measured, nor not to measure the rest.
        """
        self.finished[result.case.key] = result
        try:
            self._append({"case": result.case.key, "result": result.as_journal()})
        except UnavailableError as error:
            self.broken = error.message

    def _resume(self, plan: str) -> None:
        self._file.seek(0)
        whole = 0
        entries = []
        for line in self._file:
            entry = _parse(line)
            if entry is None:
                break
            entries.append(entry)
            whole += len(line)
        rest = self._file.seek(0, os.SEEK_END) - whole
        if not entries and rest and not _torn_header(self._content()):
            raise InputError(f"{self.path} is no journal of a benchmark.", hint="Give another name.")
        if entries and entries[0] != {"journal": VERSION, "plan": plan}:
            _refuse(self.path, entries[0])
        for entry in entries[1:]:
            self.finished[entry["case"]] = CaseResult.from_journal(entry["result"])
        self._file.truncate(whole)
        if not entries:
            self._append({"journal": VERSION, "plan": plan})

    def _content(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def _append(self, entry: dict[str, Any]) -> None:
        rest = memoryview(f"{json.dumps(entry)}\n".encode())
        # Past the buffer, which would keep what a full disk refuses, and try again at the end.
        file = self._file.fileno()
        whole = os.fstat(file).st_size
        with reported(self.path):
            try:
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            except OSError:
                os.truncate(file, whole)
                raise


def _lock(file: IO[bytes]) -> bool:
    """Locks it until it is closed, whatever ends the process; False where another process has done so."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks is no reason not to measure.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def _parse(line: bytes) -> dict[str, Any] | None:
    """The entry of a whole line; None for a torn one."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and ("journal" in entry or "case" in entry) else None


def _torn_header(content: bytes) -> bool:
    return b"\n" not in content and b'{"journal": '.startswith(content[:12])


def _refuse(path: Path, header: dict[str, Any]) -> None:
    if "journal" not in header:
        raise InputError(f"{path} is no journal of a benchmark.", hint="Give another name.")
    raise InputError(
        f"{path} is the journal of another plan: other files, runtimes, batches, threads or budget.",
        hint="Run the command that began it, or delete it and start anew.",
    )
