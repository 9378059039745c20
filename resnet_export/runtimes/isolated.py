"""A session in a process of its own: a crash is a result, and two runtimes never share threads or memory."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import ResNetExportError
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.session import Placement, Session
from resnet_export.workers import Worker

TIMEOUT_S = 900.0
"""Seconds for one answer, after which the runtime counts as crashed: compiling a large network takes minutes."""
FACTS = ("takes_file_input", "batches", "precision", "shows_values", "version")
"""The session's attributes that the parent's copy has."""


class SessionTarget:
    """What the worker does: it opens one file, and runs it."""

    def __init__(self, report: object) -> None:
        self._session: Session

    def open(self, runtime: str, path: str, allow_fallback: bool) -> dict[str, Any]:
        """Opens a file; the answer has the session's attributes."""
        spec = parse_runtime(runtime).with_fallback(allow_fallback)
        self._session = spec.open(Path(path))
        with contextlib.suppress(ResNetExportError):  # where the CPU stands in for it
            self._session.version = spec.probe()
        return {name: getattr(self._session, name) for name in FACTS} | {"_placement": self._session.placement()}

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """See `Session.run`."""
        return np.asarray(self._session.run(images))

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `Session.values`."""
        return {name: np.asarray(value) for name, value in self._session.values(images, names).items()}


class IsolatedSession(Session):
    """A session like any other, whose work is done by a worker process."""

    _placement: Placement

    def __init__(self, runtime: str, path: Path, *, allow_fallback: bool = False) -> None:
        """Starts the worker and opens the file.

        Args:
            runtime: with its options.
            path: of the `.onnx` file.
            allow_fallback: go on where nodes do not run on the provider that was asked for.

        Raises:
            MissingDependencyError: the runtime is not installed.
            UnavailableError: a library, driver or device is missing.
            ModelError: it cannot load the file.
            RuntimeCrashedError: its process died, or did not answer in time.
        """
        self.name = runtime
        target = f"{SessionTarget.__module__}:{SessionTarget.__name__}"
        self._worker = Worker(target, timeout_s=TIMEOUT_S, hint="Leave this runtime out.")
        try:
            facts = self._worker.call("open", runtime, str(path), allow_fallback, doing="opening the file")
        except BaseException:
            self.close()
            raise
        vars(self).update(facts)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """See `Session.run`."""
        output: NDArray[Any] = self._worker.call("run", images)
        return output

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `Session.values`."""
        found: dict[str, NDArray[Any]] = self._worker.call("values", images, names)
        return found

    def placement(self) -> Placement:
        """See `Session.placement`."""
        return self._placement

    def close(self) -> None:
        """Ends the worker, and what it started."""
        self._worker.close()
