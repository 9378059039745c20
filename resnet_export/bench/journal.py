"""`Journal`: one line of JSON for each finished case, on the disk before the next begins.

    {"journal": 2, "plan": "<digest>"}
    {"case": "<key>", "result": {...}}

Whatever ends the program, the same plan goes on behind the last whole line. A line that was torn is cut off. While it
is open it is locked, so that the same command given twice at once doesn't measure everything twice.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_export.bench.results import CaseResult
from resnet_export.data import decode, to_json
from resnet_export.errors import InputError, UnavailableError
from resnet_export.files import locked, reported

VERSION = 2


@dataclass(frozen=True)
class Header:
    """The first line."""

    journal: int
    plan: str


@dataclass(frozen=True)
class Entry:
    """Any other line."""

    case: str
    result: CaseResult


class Journal(contextlib.AbstractContextManager["Journal"]):
    """The finished cases of one plan. A context manager.

    Attributes:
        finished: key of a case -> its result.
        broken: why something could not be written to it; None where everything was.
    """

    def __init__(self, path: Path, plan: str) -> None:
        """Opens it, or begins it.

        Args:
            path: the file.
            plan: digest of the plan.

        Raises:
            InputError: the file is no journal, or one of another plan.
            UnavailableError: it can't be read or written, or another process has it open.
        """
        self.path = path
        self.finished: dict[str, CaseResult] = {}
        self.broken: str | None = None
        with reported(path):
            self._file = path.open("a+b")
            try:
                if not locked(self._file):
                    raise UnavailableError(
                        f"{path} is in use: the same benchmark runs already.", hint="Wait for it, or end it."
                    )
                self._resume(Header(VERSION, plan))
            except BaseException:
                self._file.close()
                raise

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, result: CaseResult) -> None:
        """Appends a finished case; it is on the disk on return, or `broken` says why it is not.

        A disk that is full is no reason to lose what was measured, nor not to measure the rest.
        """
        self.finished[result.case.key] = result
        try:
            self._append(Entry(result.case.key, result))
        except UnavailableError as error:
            self.broken = error.message

    def _resume(self, header: Header) -> None:
        self._file.seek(0)
        first, *rest = self._file.read().splitlines(keepends=True) or [b""]
        other = InputError(f"{self.path} is no journal of a benchmark.", hint="Give another name.")
        if not first.endswith(b"\n"):  # empty, or torn in the header
            if first and not b'{"journal":'.startswith(first[:11]):
                raise other
            self._file.truncate(0)
            self._append(header)
            return
        what = f"The journal {self.path}"
        try:
            found = decode(Header, first, what)
        except InputError:
            raise other from None
        if found != header:
            raise InputError(
                f"{self.path} is the journal of another plan: other files, runtimes, batches, threads or budget.",
                hint="Run the command that began it, or delete it and start anew.",
            )
        whole = len(first)
        for line in rest:
            if not line.endswith(b"\n"):
                break
            entry = decode(Entry, line, what, hint="Delete it, and start anew.")
            self.finished[entry.case] = entry.result
            whole += len(line)
        self._file.truncate(whole)

    def _append(self, line: Any) -> None:
        rest = memoryview(f"{to_json(line, indent=0)}\n".encode())
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
