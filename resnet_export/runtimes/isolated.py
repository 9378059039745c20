"""A session in a process of its own: a crash is a result, and two runtimes never share threads or memory."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from resnet_export import errors
from resnet_export.errors import RuntimeCrashedError, RuntimeFailedError
from resnet_export.processes import end, how_ended, last_lines
from resnet_export.runtimes.session import BaseSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.runtimes.session import Placement

# -P: a file in the current folder that is called like a package is not that package.
COMMAND = ("-P", "-m", "resnet_export.runtimes.worker")
DEADLINE_S = 900.0
"""Seconds for one answer: compiling a large network takes minutes."""


class IsolatedSession(BaseSession):
    """A session like any other, whose work is done by a worker process."""

    def __init__(self, text: str, path: Path, *, allow_fallback: bool = False, deadline_s: float = DEADLINE_S) -> None:
        """Starts the worker and opens the file.

        Args:
            text: the runtime with its options.
            path: of the `.onnx` file.
            allow_fallback: go on where nodes do not run on the provider that was asked for.
            deadline_s: seconds for one answer, after which the runtime counts as crashed.

        Raises:
            MissingDependencyError: the runtime is not installed.
            UnavailableError: a library, driver or device is missing.
            ModelError: it cannot load the file.
            RuntimeCrashedError: its process died, or did not answer in time.
        """
        self.name = text
        self._deadline = deadline_s
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the session
        # What a runtime or its converter leaves behind goes with the session, however that ends.
        self._folder = tempfile.TemporaryDirectory(prefix="resnet-export-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is the parent's
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name),
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
        """Ends the worker, and what it started."""
        end(self._process)
        self._log.close()
        self._folder.cleanup()

    def _call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None, "Popen was given a pipe"
        assert self._process.stdout is not None, "Popen was given a pipe"
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(self._deadline, give_up)
        timer.start()
        try:
            pickle.dump((method, arguments), self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
            done, value = pickle.load(self._process.stdout)
        except Exception as error:  # of the pipe, or of what a third party's objects do when they are unpickled
            raise self._crashed(method, late=late.is_set()) from error
        finally:
            timer.cancel()
        if done:
            return value
        kind, message, hint = value
        raise getattr(errors, kind, RuntimeFailedError)(message, hint=hint)

    def _crashed(self, method: str, *, late: bool) -> RuntimeCrashedError:
        try:
            how = how_ended(self._process.wait(timeout=1))
        except subprocess.TimeoutExpired:
            self._process.kill()
            how = "gave an answer that cannot be read"
        if late:
            how = f"did not answer within {self._deadline:g} s"
        doing = "opening the file" if method in ("open", "placement") else "running it"
        return RuntimeCrashedError(
            f"its process {how} while {doing}", hint="Leave this runtime out.", log=last_lines(self._log)
        )
