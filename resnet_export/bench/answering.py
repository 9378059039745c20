"""The worker's side of the pipe: how it begins, how it answers, and the loop of one that takes many requests.

Requests are lines of JSON on stdin, answers lines of JSON on stdout. What native libraries print to stdout goes to
stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import statistics
import sys
from typing import TYPE_CHECKING, Any

from resnet_export.bench.parent import die_with_parent
from resnet_export.errors import ResNetExportError, RuntimeFailedError
from resnet_export.runtimes.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Answers:
    """Writes to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **fields: Any) -> None:
        """One line."""
        rest = memoryview(f"{json.dumps(fields)}\n".encode())
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def estimate(self, count: int, latest: Sequence[int]) -> None:
        """A sign of life with what the latest of so many samples say."""
        self.say(samples=count, p50_ms=statistics.median(latest) / 1e6)

    def beat(self, count: int, latest: Sequence[int]) -> None:
        """A sign of life and nothing else."""
        self.say()


def begin() -> Answers:
    """Sets the process up as a worker."""
    answers = Answers(os.dup(1))
    os.dup2(2, 1)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    die_with_parent()
    return answers


def serve(answers: Answers, methods: dict[str, Callable[..., dict[str, Any]]]) -> None:
    """Answers requests such as `{"do": "open", ...}` with `{"done": ...}` or `{"error": ...}` until there are none."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answers.say(done=methods[request.pop("do")](**request))
        except Exception as error:  # a runtime may raise anything
            known = as_known(error)
            answers.say(error={"kind": type(known).__name__, "message": known.message, "hint": known.hint})
    leave()


def as_known(error: Exception) -> ResNetExportError:
    """The error itself, or one of this package that tells of it."""
    return error if isinstance(error, ResNetExportError) else RuntimeFailedError(f"it failed: {reason(error)}")


def leave() -> None:
    """Ends the process: some runtimes crash or hang in their destructors at exit, and nothing is left to be saved."""
    os._exit(0)
