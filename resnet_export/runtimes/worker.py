"""One runtime in a process of its own: `python -m resnet_export.runtimes.worker`, driven by `IsolatedSession`.

Requests (method, arguments) come as pickles on stdin, and answers (True, value) or (False, error) go to stdout. What
native libraries print to stdout goes to stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.errors import ResNetExportError, RuntimeFailedError
from resnet_export.runtimes import choose
from resnet_export.runtimes.reasons import reason

if TYPE_CHECKING:
    from resnet_export.runtimes.session import Session

FACTS = ("takes_file_input", "batches", "precision", "shows_values", "version")
"""The session's attributes that the parent's copy has."""


class Worker:
    """The methods that the parent may call."""

    session: Session

    def open(self, text: str, path: str, allow_fallback: bool) -> dict[str, Any]:
        """Opens a file; the answer has the session's attributes."""
        choice = choose(text, allow_fallback=allow_fallback)
        self.session = choice.open(Path(path))
        with contextlib.suppress(ResNetExportError):  # where the CPU stands in for it
            self.session.version = choice.runtime.check()
        return {name: getattr(self.session, name) for name in FACTS}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def main() -> None:
    """Answers requests until the parent closes the pipe."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()
    worker = Worker()
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            # Some runtimes crash or hang in their destructors at exit; nothing is left to be saved.
            os._exit(0)
        try:
            answer = (True, getattr(worker, method)(*arguments))
        except ResNetExportError as error:
            answer = (False, error)
        except Exception as error:  # a runtime may raise anything
            answer = (False, RuntimeFailedError(f"it failed: {reason(error)}"))
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
