"""One case in a process of its own: `python -m resnet_export.bench.worker`, driven by `isolation`.

The request is one line of JSON on stdin. Answers are lines of JSON on stdout, each also a sign of life:
`{"stage": ...}` when something begins, `{}` once a second while it samples, and `{"result": ...}` or `{"error": ...}`
at the end. What native libraries print to stdout goes to stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from resnet_export.bench.clock import RealClock
from resnet_export.bench.inputs import Images
from resnet_export.bench.memory import peak_rss, rss
from resnet_export.bench.sampling import Budget, closed_loop, warm_up
from resnet_export.errors import NotApplicableError, ResNetExportError, RuntimeFailedError
from resnet_export.runtimes.reasons import reason


class Answers:
    """Writes to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **fields: Any) -> None:
        """One line."""
        rest = memoryview(f"{json.dumps(fields)}\n".encode())
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def measure(request: dict[str, Any], answers: Answers) -> dict[str, Any]:
    """Opens, runs, warms up and samples.

    Args:
        request: `runtime`, `path`, `images`, `batch`, `allow_fallback` and `budget`.
        answers: told of the stages.

    Returns:
        Plain data, times in nanoseconds.

    Raises:
        ResNetExportError: the runtime can't.
    """
    clock = RealClock()
    answers.say(stage="open")
    begin = clock.now_ns()
    from resnet_export.runtimes import choose

    choice = choose(request["runtime"], allow_fallback=request["allow_fallback"])
    version = ""
    with contextlib.suppress(ResNetExportError):  # opening says it again, or lets the CPU stand in
        version = choice.runtime.check()
    imported = clock.now_ns()
    # It is never closed: some runtimes hang or crash at that, and the process ends anyway.
    session = choice.open(Path(request["path"]))
    opened = clock.now_ns()
    batch = request["batch"]
    if session.batches is not None and batch not in session.batches:
        takes = ", ".join(map(str, session.batches))
        raise NotApplicableError(f"{choice.label} takes batches of {takes} only.", hint=f"Give --batch {takes}.")
    drawn = Images(**request["images"]).draw(batch, as_file=session.takes_file_input)
    run, count = session.run, len(drawn)

    def call(index: int) -> None:
        run(drawn[index % count])

    answers.say(stage="first run")
    (first,) = closed_loop(call, clock, Budget("first run", 0.0, 1))
    budget = Budget(**request["budget"])
    answers.say(stage="warm up")
    warm = warm_up(call, clock, budget, first=1, beat=answers.say)
    answers.say(stage="sample")
    steady = rss()
    samples = closed_loop(call, clock, budget, first=1 + len(warm.samples_ns), beat=answers.say)
    placement = session.placement()
    return {
        "version": version,
        "precision": session.precision,
        "device": placement.device,
        "nodes": dict(placement.nodes),
        "fallback": placement.fallback,
        "import_ns": imported - begin,
        "open_ns": opened - imported,
        "first_run_ns": first,
        "warm_up_ns": warm.samples_ns,
        "settled": warm.settled,
        "samples_ns": samples,
        "peak_rss_bytes": peak_rss(),
        "steady_rss_bytes": steady,
    }


def main() -> None:
    """Answers one request."""
    answers = Answers(os.dup(1))
    os.dup2(2, 1)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        answers.say(result=measure(request, answers))
    except ResNetExportError as error:
        _say_error(answers, error)
    except Exception as error:  # a runtime may raise anything
        _say_error(answers, RuntimeFailedError(f"it failed: {reason(error)}"))
    # Some runtimes crash or hang in their destructors at exit; nothing is left to be saved.
    os._exit(0)


def _say_error(answers: Answers, error: ResNetExportError) -> None:
    answers.say(error={"message": error.message, "hint": error.hint, "exit_code": error.exit_code})


def _leave_with_parent() -> None:
    """Waits for the end of stdin: what nobody waits for any more must not disturb what is measured next."""
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 1):
            pass
    os._exit(1)


if __name__ == "__main__":
    main()
