"""One case in a process of its own: `python -m resnet_export.bench.worker`, driven by `isolation`.

The request is one line of JSON on stdin. Answers are lines of JSON on stdout, each also a sign of life:
`{"stage": ...}` when something begins, `{"samples": ..., "p50_ms": ...}` now and then while it samples, and at the end
`{"result": ...}` and `{"more": ...}`, or `{"error": ...}`. The parent answers the stage "sample", when it watches the
machine, with a line that says for how many seconds to sample.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

from resnet_export.bench import answering
from resnet_export.bench.clock import RealClock
from resnet_export.bench.memory import gpu_memory, peak_rss, pss, rss
from resnet_export.bench.opening import Opening
from resnet_export.bench.request import Request
from resnet_export.bench.sampling import Budget, closed_loop, warm_up
from resnet_export.bench.scenario import Scenario
from resnet_export.bench.scenarios import Rig, sample

if TYPE_CHECKING:
    from resnet_export.bench.answering import Answers


NEW_SHAPE_SHARE = 1 / 6
"""Of the case's time: what takes longer to run for the first time, as if compiled, isn't run in another shape."""


class Parent:
    """Who waits for the answers."""

    def __init__(self) -> None:
        self._seconds: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_until_it_watches(self) -> float:
        """Looking for what disturbs takes a while itself, in which nothing is to be sampled.

        Returns:
            For how many seconds to sample.
        """
        return self._seconds.get()

    def _listen(self) -> None:
        """Leaves with the parent: what nobody waits for any more must not disturb what is measured next."""
        with contextlib.suppress(OSError, ValueError):
            for line in sys.stdin:
                self._seconds.put(float(line))
        os._exit(1)


def measure(told: dict[str, Any], answers: Answers, parent: Parent) -> None:
    """Opens, runs, warms up and samples.

    Args:
        told: what `isolation.run_case` sends.
        answers: told of the stages and of what was found, times in nanoseconds.
        parent: who starts the sampling.

    Raises:
        ResNetExportError: the runtime can't.
    """
    request, scenario = Request.from_dict(told["request"]), Scenario.from_dict(told["scenario"])
    budget, clock = Budget(**told["budget"]), RealClock()
    answers.say(stage="open")
    gpu_before = gpu_memory()
    begin = clock.now_ns()
    opening = Opening(request)
    opening.load()
    imported = clock.now_ns()
    network = opening.open(scenario)
    opened = clock.now_ns()
    call = network.make_call(request.batch)
    answers.say(stage="first run")
    (first,) = closed_loop(call, clock, Budget(0.0, 1))
    answers.say(stage="warm up")
    warm = warm_up(call, clock, budget, first=1, beat=answers.beat)
    ran = opening.what_ran()
    on_gpu = ran["device"].startswith("GPU")
    may_be_new = told["any_batch"] and first <= NEW_SHAPE_SHARE * budget.seconds * 1e9
    # A new shape is drawn, planned and run.
    answers.say(stage="sample", on_gpu=on_gpu, behind_ns=2 * first if may_be_new else 0)
    budget = dataclasses.replace(budget, seconds=parent.wait_until_it_watches())
    outcome = sample(Rig(network.make_call, request.batch, clock, budget, answers.estimate), scenario)
    answers.say(stage="sampled")
    steady, peak, shared, gpu_after = rss(), peak_rss(), pss(), gpu_memory()
    answers.say(
        result={
            **ran,
            "import_ns": imported - begin,
            "open_ns": opened - imported,
            "first_run_ns": first,
            "warm_up_ns": warm.samples_ns,
            "settled": warm.settled,
            "series": [dataclasses.asdict(series) for series in outcome.series],
            "headline": outcome.headline,
            "peak_rss_bytes": peak,
            "steady_rss_bytes": steady,
            "pss_bytes": shared,
            "gpu_memory_bytes": None if gpu_before is None or gpu_after is None else max(0, gpu_after - gpu_before),
        }
    )
    # What comes now may fail, or end the process, and the result stands.
    answers.say(
        more={
            "new_shape_ns": network.time_new_shape(clock, outcome) if may_be_new else None,
            "submit_ns": network.time_submission(clock, request.batch) if on_gpu else None,
        }
    )


def main() -> None:
    """Answers one request."""
    answers = answering.begin()
    told = json.loads(sys.stdin.readline())
    try:
        measure(told, answers, Parent())
    except Exception as error:  # a runtime may raise anything
        known = answering.as_known(error)
        answers.say(error={"message": known.message, "hint": known.hint, "exit_code": known.exit_code})
    answering.leave()


if __name__ == "__main__":
    main()
