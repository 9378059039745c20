"""One seam for everything that can run a network: `open(runtime, path)` gives a `Session`."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from resnet_export.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.runtimes.session import Session

RUNTIMES = {
    "ort:cpu": "resnet_export.runtimes.ort",
    "torch": "resnet_export.runtimes.torch",
    "keras": "resnet_export.runtimes.keras",
}
"""Name -> the module that opens a canonical file in it."""


def open_session(runtime: str, path: Path) -> Session:
    """Opens a file in a runtime.

    Raises:
        UsageError: there is no such runtime.
        MissingDependencyError: it is not installed.
        ModelError: it cannot load the file.
    """
    if runtime not in RUNTIMES:
        near = difflib.get_close_matches(runtime, RUNTIMES, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f"There is no runtime {runtime!r}.", hint=f"{meant}Known are {', '.join(RUNTIMES)}.")
    session: Session = importlib.import_module(RUNTIMES[runtime]).open(path)
    return session
