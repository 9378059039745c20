"""What ONNX Runtime's profiler wrote: every run, and the time of each of its nodes.

The file is a list of events in the order in which they ended: the nodes of a run, then `model_run` for the run itself.
Times are whole microseconds, cut off. A node that holds a graph, such as `If`, lasts as long as the nodes in it:

    own time of a node = its duration - the durations of the nodes directly in it
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN = "model_run"
KERNEL = "_kernel_time"
"""Ends the name of the event of a node; what stands before it is the node's name."""


@dataclass(frozen=True)
class NodeTime:
    """A node in one run."""

    name: str
    """In the optimised graph."""
    op: str
    provider: str
    """The execution provider that ran it."""
    own_us: float
    """Microseconds, without those of the nodes in it."""


@dataclass(frozen=True)
class Run:
    """One run of the network."""

    duration_us: float
    nodes: tuple[NodeTime, ...]
    """In the order in which they began."""


def read_trace(path: Path, last: int) -> tuple[Run, ...]:
    """The runs at the end of a profile.

    Args:
        path: of the file that the profiler wrote.
        last: how many runs; those before them warmed up.

    Raises:
        ValueError: the file holds fewer, or is none of the profiler's.
    """
    runs: list[Run] = []
    events: list[dict[str, Any]] = []
    for event in json.loads(path.read_bytes()):
        if event.get("cat") == "Node" and event["name"].endswith(KERNEL):
            events.append(event)
        elif event.get("name") == RUN:
            runs.append(Run(event["dur"], _nodes(events)))
            events = []
    if len(runs) < last:
        raise ValueError(f"it holds {len(runs)} runs, and {last} were made")
    return tuple(runs[-last:])


def _nodes(events: Sequence[dict[str, Any]]) -> tuple[NodeTime, ...]:
    ordered = sorted(events, key=lambda event: (event["ts"], -event["dur"]))
    return tuple(
        NodeTime(
            event["name"].removesuffix(KERNEL), event["args"]["op_name"], event["args"].get("provider", ""), float(own)
        )
        for event, own in zip(ordered, _own(ordered), strict=True)
    )


def _own(ordered: Iterable[dict[str, Any]]) -> list[int]:
    """The own time of each event; they come in the order in which they began, the outer before the inner."""
    own: list[int] = []
    around: list[tuple[int, int]] = []  # (index, end) of the nodes that have not ended yet
    for index, event in enumerate(ordered):
        begin, duration = event["ts"], event["dur"]
        while around and around[-1][1] <= begin:
            around.pop()
        if around:
            own[around[-1][0]] -= duration
        own.append(duration)
        around.append((index, begin + duration))
    return own
