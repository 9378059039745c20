"""Runs one case in a fresh process; a crash, a kill and a hang are results, with the signal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from resnet_export.bench.measured import Measured
from resnet_export.bench.results import CaseResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench.case import Case
    from resnet_export.bench.sampling import Budget

COMMAND = ("-m", "resnet_export.bench.worker")
LOG_LINES = 40
"""Of what a runtime printed, kept beside a crash."""
PATIENCE = 300.0
"""Seconds without a sign of life after which a case hangs. TensorRT and torch.compile build for minutes."""
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What sizes the thread pools of libraries whose runtimes have no option for it."""
DOING = {
    "start": "starting",
    "open": "opening the file",
    "first run": "running it for the first time",
    "warm up": "warming up",
    "sample": "sampling",
    "new shape": "running it with another batch",
}


def run_case(
    case: Case,
    budget: Budget,
    allowed: int,
    *,
    patience: float = PATIENCE,
    tell: Callable[[str], None] | None = None,
) -> CaseResult:
    """Measures a case.

    Args:
        case: what to measure.
        budget: of this case.
        allowed: threads by affinity and cgroup.
        patience: seconds without a sign of life after which it is ended.
        tell: told, in a few words, what it is doing and the estimate so far.
    """
    text, threads = case.resolve(allowed)
    environment = dict(os.environ)
    if text == case.runtime:  # it has no such option, or was given it
        environment |= dict.fromkeys(POOLS, str(threads))
    request = {
        "runtime": text,
        "path": case.model.path,
        "images": dataclasses.asdict(case.model.images),
        "batch": case.batch,
        "any_batch": case.model.batch is None,
        "boundary": case.boundary,
        "scenario": dataclasses.asdict(case.scenario),
        "allow_fallback": case.allow_fallback,
        "budget": dataclasses.asdict(budget),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
        )
        try:
            return _follow(process, request, case, threads, log, patience, tell or (lambda text: None))
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe and pipe.close()


def _follow(
    process: subprocess.Popen[bytes],
    request: Any,
    case: Case,
    threads: int,
    log: IO[bytes],
    patience: float,
    tell: Callable[[str], None],
) -> CaseResult:
    """Waits for the answer, or for what comes in its place."""
    assert process.stdin is not None, "Popen was given a pipe"
    assert process.stdout is not None, "Popen was given a pipe"
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_forward, args=(process.stdout, lines), daemon=True).start()
    with contextlib.suppress(OSError):  # it died already, which shows below
        process.stdin.write(f"{json.dumps(request)}\n".encode())
        process.stdin.flush()
    stage = "start"
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            reason = f"it gave no sign of life for {patience:.0f} s while {DOING[stage]}, and was ended"
            return CaseResult(case, "hung", threads, reason=reason, log=_last_lines(log))
        if line is None or not line.endswith(b"\n"):
            how, name = _end(process)
            reason = f"its process {how} while {DOING[stage]}"
            return CaseResult(case, "crashed", threads, reason=reason, signal=name, log=_last_lines(log))
        answer = json.loads(line)
        if "result" in answer:
            return CaseResult(case, "measured", threads, Measured.from_answer(answer["result"]))
        if "error" in answer:
            error = answer["error"]
            return CaseResult(
                case, "failed", threads, None, error["message"], error["hint"], exit_code=error["exit_code"]
            )
        stage = answer.get("stage", stage)
        tell(f"p50 {answer['p50_ms']:.4g} ms of {answer['samples']}" if "p50_ms" in answer else DOING[stage])


def _forward(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    """Lines as they come, then None. A pipe by itself can't be waited for with a time limit on Windows."""
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[bytes]) -> tuple[str, str | None]:
    """(how the process ended, the signal)."""
    code = process.wait()
    if code >= 0:
        return f"left with exit code {code}", None
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}" + (", as the kernel does when memory runs out" if name == "SIGKILL" else ""), name


def _last_lines(log: IO[bytes]) -> tuple[str, ...]:
    log.seek(0)
    return tuple(log.read().decode(errors="replace").splitlines()[-LOG_LINES:])
