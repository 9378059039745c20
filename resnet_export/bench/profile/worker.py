"""A profile in a process of its own: `python -m resnet_export.bench.profile.worker`, driven by `profile`.

Requests are lines of JSON on stdin, answers lines of JSON on stdout: `{"do": "start"}`, `{"do": "open"}` and
`{"do": "block"}`, each answered by `{"done": ...}` or `{"error": ...}`; `{}` is a sign of life meanwhile. What native
libraries print to stdout goes to stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from resnet_export.bench import answering
from resnet_export.bench.clock import RealClock
from resnet_export.bench.opening import Opening
from resnet_export.bench.request import Request
from resnet_export.bench.sampling import LEAST_SAMPLES, Budget, closed_loop, warm_up
from resnet_export.bench.scenario import Scenario
from resnet_export.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

    from resnet_export.bench.answering import Answers
    from resnet_export.bench.sampling import Call
    from resnet_export.runtimes.ort import OrtSession

GRAPH = "optimised.onnx"
"""The graph that ONNX Runtime made of the file."""
MOST_EVENTS = 50_000
"""Of a profile, warm-up and all; the profiler writes about a kilobyte for each run of each node."""
WARM_UP = 5, 0.05
"""Runs with the profiler at most, and their share of the time: the process and the processor are warm by then, but the
session's memory is new."""


class Profiler:
    """The requests that the parent may make."""

    _request: Request
    _opening: Opening
    _call: Call
    _run_ns: float
    """Of a run, once it is warm."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._clock = RealClock()

    def start(self, *, request: dict[str, Any]) -> dict[str, Any]:
        """Imports the runtime's libraries."""
        self._request = Request.from_dict(request)
        self._opening = Opening(self._request)
        self._opening.load()
        return {}

    def open(self, *, seconds: float) -> dict[str, Any]:
        """Opens the file, runs it and warms it up."""
        self._call = self._opening.open(Scenario()).make_call(self._request.batch)
        self._sample(Budget(0.0, 1))
        warm = warm_up(self._call, self._clock, Budget(seconds), first=1, beat=self._answers.beat)
        self._run_ns = statistics.median(warm.samples_ns)
        return {**self._opening.what_ran(), "settled": warm.settled}

    def block(self, *, folder: str, seconds: float, nodes: int) -> dict[str, Any]:
        """The latencies without the profiler, then with it; its file and the graph go into the folder."""
        end = self._clock.now_ns() + int(seconds * 1e9)
        most = max(LEAST_SAMPLES, MOST_EVENTS // max(1, nodes))
        # The profiler can't use more than its runs.
        with_profiler = min(seconds / 2, 1.2 * most * self._run_ns / 1e9)
        plain = self._sample(Budget(seconds - with_profiler))
        recording = self._record(Path(folder))
        runs, share = WARM_UP
        self._sample(Budget(share * seconds, 1, runs))
        left = max(0.0, (end - self._clock.now_ns()) / 1e9)
        profiled = self._sample(Budget(left, most_samples=most))
        return {"samples_ns": plain, "profiled_ns": profiled, "trace": recording.end_profiling()}

    def _record(self, folder: Path) -> onnxruntime.InferenceSession:
        """Opens the file again with the profiler on; two sessions in one process would disturb each other."""
        session = cast("OrtSession", self._opening.session)  # the parent saw to it

        def record(options: onnxruntime.SessionOptions) -> None:
            options.enable_profiling = True
            options.profile_file_prefix = str(folder / "profile")

        def record_and_save(options: onnxruntime.SessionOptions) -> None:
            record(options)
            options.optimized_model_filepath = str(folder / GRAPH)

        try:
            return session.reopen(record_and_save)
        except ModelError:  # it can't save what a provider compiled
            (folder / GRAPH).unlink(missing_ok=True)
            return session.reopen(record)

    def _sample(self, budget: Budget) -> tuple[int, ...]:
        return closed_loop(self._call, self._clock, budget, beat=self._answers.beat)


def main() -> None:
    """Answers requests until there are none."""
    answers = answering.begin()
    profiler = Profiler(answers)
    answering.serve(answers, {"start": profiler.start, "open": profiler.open, "block": profiler.block})


if __name__ == "__main__":
    main()
