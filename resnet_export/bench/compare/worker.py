"""One side of a comparison in a process of its own: `python -m resnet_export.bench.compare.worker`, driven by `turns`.

Requests are lines of JSON on stdin, answers lines of JSON on stdout: `{"do": "start"}`, `{"do": "open"}` and then
`{"do": "block"}` again and again, each answered by `{"done": ...}` or `{"error": ...}`; `{}` is a sign of life
meanwhile. Between two requests the parent stops the process. The end of stdin is the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export.bench import answering
from resnet_export.bench.clock import RealClock
from resnet_export.bench.opening import Opening
from resnet_export.bench.request import Request
from resnet_export.bench.sampling import Budget, closed_loop
from resnet_export.bench.scenario import Scenario

if TYPE_CHECKING:
    from resnet_export.bench.answering import Answers
    from resnet_export.bench.sampling import Call

WARM_UP = Budget(0.25, 5)
"""Behind the first run: a processor takes tens of milliseconds to reach its clock, and a network a few runs to have its
memory. What is left of it meets both sides alike, since their blocks alternate."""
LEAD_IN = Budget(0.005, 1)
"""Of a block, not counted: the other side had the caches meanwhile."""


class Worker:
    """The requests that the parent may make."""

    _request: Request
    _opening: Opening
    _call: Call

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._clock = RealClock()
        self._calls = 0

    def start(self, *, request: dict[str, Any]) -> dict[str, Any]:
        """Imports the runtime's libraries."""
        self._request = Request.from_dict(request)
        self._opening = Opening(self._request)
        self._opening.load()
        return {}

    def open(self) -> dict[str, Any]:
        """Opens the file, runs it and warms it up."""
        self._call = self._opening.open(Scenario()).make_call(self._request.batch)
        self._sample(Budget(0.0, 1))
        self._answers.say()
        self._sample(WARM_UP)
        return self._opening.what_ran()

    def block(self, *, seconds: float, least: int, most: int) -> dict[str, Any]:
        """The latencies of a block."""
        self._sample(LEAD_IN)
        return {"samples_ns": self._sample(Budget(seconds, least, most))}

    def _sample(self, budget: Budget) -> tuple[int, ...]:
        samples = closed_loop(self._call, self._clock, budget, first=self._calls, beat=self._answers.beat)
        self._calls += len(samples)
        return samples


def main() -> None:
    """Answers requests until there are none."""
    answers = answering.begin()
    worker = Worker(answers)
    answering.serve(answers, {"start": worker.start, "open": worker.open, "block": worker.block})


if __name__ == "__main__":
    main()
