"""A session in a process of its own: a crash is a result, and two runtimes never share threads or memory."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from resnet_export.errors import RuntimeCrashedError
from resnet_export.runtimes.session import BaseSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.runtimes.session import Placement

COMMAND = ("-m", "resnet_export.runtimes.worker")
LOG_LINES = 20
"""Of what a runtime printed, kept for the message of a crash."""


class IsolatedSession(BaseSession):
    """A session like any other, whose work is done by a worker process."""

    def __init__(self, text: str, path: Path, *, allow_fallback: bool = False) -> None:
        """Starts the worker and opens the file.

        Args:
            text: the runtime with its options.
            path: of the `.onnx` file.
            allow_fallback: go on where nodes do not run on the provider that was asked for.

        Raises:
            MissingDependencyError: the runtime is not installed.
            UnavailableError: a library, driver or device is missing.
            ModelError: it cannot load the file.
            RuntimeCrashedError: its process died.
        """
        self.name = text
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the session
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        try:
            facts = self._call("open", text, os.fspath(path), allow_fallback)
            self._placement: Placement = self._call("placement")
        except BaseException:
            self.close()
            raise
        vars(self).update(facts)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """See `Session.run`."""
        output: NDArray[Any] = self._call("run", images)
        return output

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `Session.values`."""
        found: dict[str, NDArray[Any]] = self._call("values", images, names)
        return found

    def placement(self) -> Placement:
        """See `Session.placement`."""
        return self._placement

    def close(self) -> None:
        """Ends the worker."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe and pipe.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None, "Popen was given a pipe"
        assert self._process.stdout is not None, "Popen was given a pipe"
        try:
            pickle.dump((method, arguments), self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
            done, value = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._crashed(method) from error
        if not done:
            raise value
        return value

    def _crashed(self, method: str) -> RuntimeCrashedError:
        code = self._process.wait()
        how = f"left with exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"was ended by {signal.Signals(-code).name}"
            how += ", as the kernel does when memory runs out" if -code == signal.SIGKILL else ""
        self._log.seek(0)
        log = self._log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
        doing = "opening the file" if method in ("open", "placement") else "running it"
        return RuntimeCrashedError(f"the process of {self.name} {how} while {doing}", log=log)
