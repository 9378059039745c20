"""One runtime in a process of its own: `python -m resnet_export.runtimes.worker`, driven by `IsolatedSession`.

Requests (method, arguments) come as pickles on stdin, and answers (True, value) or (False, error) go to stdout. What
native libraries print to stdout goes to stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.errors import ResNetExportError, RuntimeFailedError
from resnet_export.runtimes import choose
from resnet_export.runtimes.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    def answer(self, method: str, arguments: Sequence[Any]) -> Any:
        """Does what the parent asks for."""
        match method:
            case "open":
                return self.open(*arguments)
            case "run":
                return np.asarray(self.session.run(*arguments))
            case "values":
                return {name: np.asarray(value) for name, value in self.session.values(*arguments).items()}
            case "placement":
                return self.session.placement()
        raise ValueError(f"no method {method}")


def main() -> None:
    """Answers requests until the parent closes the pipe."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    worker = Worker()
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            # Some runtimes crash or hang in their destructors at exit; nothing is left to be saved.
            os._exit(0)
        try:
            answer = (True, worker.answer(method, arguments))
        except ResNetExportError as error:
            answer = (False, (type(error).__name__, error.message, error.hint))
        except Exception as error:  # a runtime may raise anything
            answer = (False, (RuntimeFailedError.__name__, f"It failed: {reason(error)}.", None))
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _leave_with(parent: int) -> None:
    """Ends the process when its parent is gone: while a request runs, nobody reads the pipe."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
