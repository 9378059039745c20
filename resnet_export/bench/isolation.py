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
import time
from typing import IO, TYPE_CHECKING, Any

from resnet_export.bench.following import forward
from resnet_export.bench.measured import Measured
from resnet_export.bench.request import Request
from resnet_export.bench.results import CaseResult
from resnet_export.machine.noise import Watch
from resnet_export.workers.client import end, how_ended, last_lines, signal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench.case import Case
    from resnet_export.bench.results import Status
    from resnet_export.bench.sampling import Budget
    from resnet_export.machine.noise import Noise

COMMAND = ("-P", "-m", "resnet_export.bench.worker")
"""-P: the folder of the user may hold a `torch.py`."""
PATIENCE = 300.0
"""Seconds without a sign of life after which a case hangs. TensorRT and torch.compile build for minutes."""
DOING = {
    "start": "starting",
    "open": "opening the file",
    "first run": "running it for the first time",
    "warm up": "warming up",
    "sample": "sampling",
    "sampled": "running it with another batch",
}
END_S = 0.2
"""Behind the samples: their way here, and the end of the process."""


def run_case(
    case: Case,
    budget: Budget,
    allowed: int,
    *,
    end_s: float | None = None,
    patience: float = PATIENCE,
    tell: Callable[[str], None] | None = None,
) -> CaseResult:
    """Measures a case.

    Args:
        case: what to measure.
        budget: how long to take samples.
        allowed: threads by affinity and cgroup.
        end_s: when it has to be over, as `time.monotonic` has it: what is left after the first runs is the time for the
            samples. None for the budget's own.
        patience: seconds without a sign of life after which it is ended.
        tell: told, in a few words, what it is doing and the estimate so far.
    """
    request = Request.of(case, allowed)
    if end_s is not None:
        budget = dataclasses.replace(budget, seconds=max(0.0, end_s - time.monotonic()))
    told = {
        "request": request.as_dict(),
        "any_batch": case.model.batch is None,
        "scenario": dataclasses.asdict(case.scenario),
        "budget": dataclasses.asdict(budget),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | request.environment,
            start_new_session=True,  # Ctrl-C is the parent's
        )
        try:
            worker = _Worker(process, case, request.threads, log, budget.seconds, end_s)
            return worker.follow(told, patience, tell or (lambda text: None))
        finally:
            end(process)


class _Worker:
    """The process of a case, and what it has said so far."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        case: Case,
        threads: int,
        log: IO[bytes],
        seconds: float,
        end_s: float | None,
    ) -> None:
        self._process, self._case, self._threads, self._log = process, case, threads, log
        self._seconds, self._end_s = seconds, end_s
        self._stage = "start"
        self._watch: Watch | None = None
        self._noise: Noise | None = None
        self._found: dict[str, Any] | None = None

    def follow(self, told: dict[str, Any], patience: float, tell: Callable[[str], None]) -> CaseResult:
        """Waits for the answer, or for what comes in its place."""
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=forward, args=(self._process.stdout, lines), daemon=True).start()
        self._send(f"{json.dumps(told)}\n")
        while True:
            try:
                line = lines.get(timeout=patience)
            except queue.Empty:
                how = f"it gave no sign of life for {patience:.0f} s while {DOING[self._stage]}, and was ended"
                return self._measured() or self._failed("hung", how)
            if line is None or not line.endswith(b"\n"):
                code = self._process.wait()
                how = f"its process {how_ended(code)} while {DOING[self._stage]}"
                return self._measured() or self._failed("crashed", how, signal=signal_of(code))
            answer = json.loads(line)
            if "error" in answer:
                error = answer["error"]
                found = {"hint": error["hint"], "exit_code": error["exit_code"]}
                return self._measured() or self._failed("failed", error["message"], **found)
            if "more" in answer and self._found is not None:
                self._found |= answer["more"]
                return self._measured() or self._failed("failed", "it answered nothing")
            if "result" in answer:
                self._found = {"new_shape_ns": None, "submit_ns": None, **answer["result"]}
            self._note(answer, tell)

    def _note(self, answer: dict[str, Any], tell: Callable[[str], None]) -> None:
        """What it does, and how it stands."""
        self._stage = answer.get("stage", self._stage)
        match answer.get("stage"):
            case "sample":
                self._watch = Watch.begin(self._process.pid, on_gpu=answer["on_gpu"])
                self._send(f"{self._left(answer['behind_ns'] / 1e9)}\n")
            case "sampled" if self._watch is not None:
                self._noise, self._watch = self._watch.end(), None
        if self._watch is not None:
            self._watch.look()
        estimate = f"p50 {answer['p50_ms']:.4g} ms of {answer['samples']}" if "p50_ms" in answer else ""
        tell(estimate or DOING[self._stage])

    def _left(self, behind: float) -> float:
        """Seconds for the samples, where so many are needed behind them."""
        if self._end_s is None:
            return self._seconds
        return max(0.0, self._end_s - time.monotonic() - END_S - behind)

    def _measured(self) -> CaseResult | None:
        """The result, once there is one: what ends the process later takes nothing from it."""
        if self._found is None:
            return None
        return CaseResult(self._case, "measured", self._threads, Measured.from_answer(self._found), noise=self._noise)

    def _failed(self, status: Status, reason: str, **fields: Any) -> CaseResult:
        log = () if status == "failed" else last_lines(self._log)
        return CaseResult(self._case, status, self._threads, None, reason, log=log, **fields)

    def _send(self, text: str) -> None:
        assert self._process.stdin is not None, "Popen was given a pipe"
        with contextlib.suppress(OSError):  # it died, which shows in what it says
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
