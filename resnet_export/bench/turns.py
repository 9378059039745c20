"""A process that works when it is its turn, and stands still otherwise.

While one side of a comparison is measured, nothing of the other may run: the idle thread pools of ONNX Runtime spin,
and two of them on the same cores double each other's latency. So the process is stopped between two requests (SIGSTOP,
or what Windows has for it).
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Self

import psutil

from resnet_export import errors
from resnet_export.bench.following import forward
from resnet_export.errors import RuntimeCrashedError, RuntimeFailedError
from resnet_export.workers.client import end, how_ended, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from resnet_export.errors import ResNetExportError

DOING = {
    "start": "importing the runtime",
    "open": "opening the file and running it for the first time",
    "block": "sampling",
}
"""Request -> what a process is at meanwhile."""


class Turns:
    """A process that answers one request at a time. A context manager: the process is gone on leaving."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], patience: float, hint: str
    ) -> None:
        """Starts it.

        Args:
            name: for messages.
            command: of the process.
            environment: of the process.
            patience: seconds without a sign of life after which it is ended.
            hint: to a user, where it crashes.
        """
        self._hint = hint
        self.name, self._patience, self._stage = name, patience, "start"
        self._stopped = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is the parent's
        )
        self._handle: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._handle = psutil.Process(self._process.pid)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=forward, args=(self._process.stdout, self._lines), daemon=True).start()

    def __enter__(self) -> Self:
        """The process itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends it, stopped or not."""
        end(self._process)
        self._log.close()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One turn; errors as of `receive`."""
        self.send(do, **request)
        return self.receive()

    def send(self, do: str, **request: Any) -> None:
        """Lets the process go on with a request."""
        assert self._process.stdin is not None, "Popen was given a pipe"
        self._stage = do
        if self._stopped and self._handle is not None:
            with contextlib.suppress(psutil.Error):  # it died meanwhile, which shows in the answer
                self._handle.resume()
            self._stopped = False
        with contextlib.suppress(OSError):
            self._process.stdin.write(f"{json.dumps({'do': do, **request})}\n".encode())
            self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Waits for the answer, and stops the process.

        Raises:
            ResNetExportError: what the process says in place of an answer.
            RuntimeCrashedError: it died, or gave no sign of life.
        """
        answer = self._next()
        while not answer:
            answer = self._next()
        if "error" in answer:
            error = answer["error"]
            kind: type[ResNetExportError] = getattr(errors, error["kind"], RuntimeFailedError)
            raise kind(f"{self.name}: {error['message']}", hint=error["hint"])
        if self._handle is not None:
            with contextlib.suppress(psutil.Error):
                self._handle.suspend()
                self._stopped = True
        return dict(answer["done"])

    def _next(self) -> dict[str, Any]:
        """The next line."""
        try:
            line = self._lines.get(timeout=self._patience)
        except queue.Empty:
            how = f"gave no sign of life for {self._patience:.0f} s while {DOING[self._stage]}, and was ended"
            raise self._crashed(how) from None
        if line is None or not line.endswith(b"\n"):
            raise self._crashed(f"{how_ended(self._process.wait())} while {DOING[self._stage]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _crashed(self, how: str) -> RuntimeCrashedError:
        log = last_lines(self._log)
        last = f" It printed last: {log[-1]}" if log else ""
        return RuntimeCrashedError(f"{self.name}: its process {how}.", hint=f"{self._hint}{last}", log=log)
