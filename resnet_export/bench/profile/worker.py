"""A profile in a process of its own: `python -m resnet_export.bench.profile.worker`, driven by `profile`.

Requests are lines of JSON on stdin, answers lines of JSON on stdout: `{"do": "start"}`, `{"do": "open"}` and
`{"do": "block"}`, each answered by `{"done": ...}` or `{"error": ...}`; `{}` is a sign of life meanwhile. What native
libraries print to stdout goes to stderr, which the parent keeps in a file.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.bench.clock import RealClock
from resnet_export.bench.inputs import Images
from resnet_export.bench.network import Network
from resnet_export.bench.parent import die_with_parent
from resnet_export.bench.sampling import Budget, closed_loop, warm_up
from resnet_export.bench.scenario import Scenario
from resnet_export.bench.worker import Answers
from resnet_export.errors import ModelError, ResNetExportError, RuntimeFailedError
from resnet_export.runtimes.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnxruntime

    from resnet_export.runtimes import Choice
    from resnet_export.runtimes.ort import OrtSession

GRAPH = "optimised.onnx"
"""The graph that ONNX Runtime made of the file."""
MOST_EVENTS = 50_000
"""Of a profile, warm-up and all; the profiler writes about a kilobyte for each run of each node."""
WARM_UP_RUNS = 5
"""With the profiler: the process and the processor are warm by then, but the session's memory is new."""


class Profiler:
    """The requests that the parent may make."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._clock = RealClock()

    def start(self, *, runtime: str) -> dict[str, Any]:
        """Imports the runtime's libraries."""
        from resnet_export.runtimes import choose

        self._choice: Choice = choose(runtime)
        return {"version": self._choice.runtime.check()}

    def open(self, *, path: str, images: dict[str, Any], batch: int, seconds: float) -> dict[str, Any]:
        """Opens the file, runs it and warms it up."""
        self._session: OrtSession = self._choice.open(Path(path))  # type: ignore[assignment] # the parent saw to it
        network = Network(self._session, Images(**images), "host")
        network.refuse(Scenario(), batch)
        self._call = network.make_call(batch)
        self._sample(Budget("first run", 0.0, 1))
        warm = warm_up(self._call, self._clock, Budget("warm up", seconds, 1), first=1, beat=self._beat)
        placement = self._session.placement()
        return {
            "precision": self._session.precision,
            "device": placement.device,
            "nodes": dict(placement.nodes),
            "settled": warm.settled,
        }

    def block(self, *, folder: str, seconds: float, least: int, nodes: int) -> dict[str, Any]:
        """The latencies without the profiler, then with it; its file and the graph go into the folder."""
        plain = self._sample(Budget("without", seconds, least))
        recording = self._record(Path(folder))
        self._sample(Budget("warm up", 0.0, WARM_UP_RUNS))
        profiled = self._sample(Budget("with", seconds, least, max(least, MOST_EVENTS // max(1, nodes))))
        return {"samples_ns": plain, "profiled_ns": profiled, "trace": recording.end_profiling()}

    def _record(self, folder: Path) -> onnxruntime.InferenceSession:
        """Opens the file again with the profiler on; two sessions in one process would disturb each other."""

        def record(options: onnxruntime.SessionOptions) -> None:
            options.enable_profiling = True
            options.profile_file_prefix = str(folder / "profile")

        def record_and_save(options: onnxruntime.SessionOptions) -> None:
            record(options)
            options.optimized_model_filepath = str(folder / GRAPH)

        try:
            return self._session.reopen(record_and_save)
        except ModelError:  # it can't save what a provider compiled
            (folder / GRAPH).unlink(missing_ok=True)
            return self._session.reopen(record)

    def _sample(self, budget: Budget) -> tuple[int, ...]:
        return closed_loop(self._call, self._clock, budget, beat=self._beat)

    def _beat(self, count: int, latest: object) -> None:
        self._answers.say()


def main() -> None:
    """Answers requests until there are none."""
    answers = Answers(os.dup(1))
    os.dup2(2, 1)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    die_with_parent()
    profiler = Profiler(answers)
    methods: dict[str, Callable[..., dict[str, Any]]]
    methods = {"start": profiler.start, "open": profiler.open, "block": profiler.block}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answers.say(done=methods[request.pop("do")](**request))
        except ResNetExportError as error:
            answers.say(error={"kind": type(error).__name__, "message": error.message, "hint": error.hint})
        except Exception as error:  # a runtime may raise anything
            answers.say(
                error={"kind": RuntimeFailedError.__name__, "message": f"it failed: {reason(error)}", "hint": None}
            )
    # Some runtimes crash or hang in their destructors at exit; nothing is left to be saved.
    os._exit(0)


if __name__ == "__main__":
    main()
