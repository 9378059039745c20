"""Runs one case in a fresh process; a crash, a kill and a hang are results, with the signal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from resnet_export.bench.following import ending, forward, last_lines
from resnet_export.bench.measured import Measured
from resnet_export.bench.results import CaseResult
from resnet_export.machine.noise import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench.case import Case
    from resnet_export.bench.sampling import Budget
    from resnet_export.machine.noise import Noise

COMMAND = ("-m", "resnet_export.bench.worker")
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
    "sampled": "running it with another batch",
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
    threading.Thread(target=forward, args=(process.stdout, lines), daemon=True).start()
    with contextlib.suppress(OSError):  # it died already, which shows below
        process.stdin.write(f"{json.dumps(request)}\n".encode())
        process.stdin.flush()
    stage = "start"
    watch: Watch | None = None
    noise: Noise | None = None
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            reason = f"it gave no sign of life for {patience:.0f} s while {DOING[stage]}, and was ended"
            return CaseResult(case, "hung", threads, reason=reason, log=last_lines(log))
        if line is None or not line.endswith(b"\n"):
            how, name = ending(process)
            reason = f"its process {how} while {DOING[stage]}"
            return CaseResult(case, "crashed", threads, reason=reason, signal=name, log=last_lines(log))
        answer = json.loads(line)
        if "result" in answer:
            return CaseResult(case, "measured", threads, Measured.from_answer(answer["result"]), noise=noise)
        if "error" in answer:
            error = answer["error"]
            return CaseResult(
                case, "failed", threads, None, error["message"], error["hint"], exit_code=error["exit_code"]
            )
        stage = answer.get("stage", stage)
        match answer.get("stage"):
            case "sample":
                watch = Watch.begin(process.pid)
            case "sampled" if watch is not None:
                noise, watch = watch.end(), None
        if watch is not None:
            watch.look()
        tell(f"p50 {answer['p50_ms']:.4g} ms of {answer['samples']}" if "p50_ms" in answer else DOING[stage])
