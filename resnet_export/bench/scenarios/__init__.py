"""The scenarios: each module has `sample(rig, scenario) -> Outcome`, which drives a network that is open and warm."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from resnet_export.bench.clock import Clock
    from resnet_export.bench.measured import Loop
    from resnet_export.bench.sampling import Beat, Budget, Call
    from resnet_export.bench.scenario import Scenario

SCENARIOS = {
    "single": "resnet_export.bench.scenarios.single",
    "offline": "resnet_export.bench.scenarios.offline",
    "concurrent": "resnet_export.bench.scenarios.concurrent",
    "server": "resnet_export.bench.scenarios.server",
    "idle": "resnet_export.bench.scenarios.idle",
}


@dataclass(frozen=True)
class Rig:
    """What a scenario drives."""

    make_call: Callable[[int], Call]
    """Of a batch: what runs the network on it."""
    batch: int
    """The case's."""
    clock: Clock
    budget: Budget
    """Of the case."""
    beat: Beat
    """Called now and then, with the number of samples so far and the latest latencies in nanoseconds."""


@dataclass(frozen=True)
class Taken:
    """Latencies that were taken under one condition, in nanoseconds."""

    samples_ns: tuple[int, ...]
    duration_ns: int
    """From the first call to the last answer."""
    batch: int
    """Images in a run."""
    condition: Mapping[str, float]
    """What tells it from the others of its case."""
    callers: int = 1
    """At the same time."""
    loop: Loop = "closed"
    probe: bool = False
    """Whether it only served to choose another."""


@dataclass(frozen=True)
class Outcome:
    """What a scenario gave."""

    series: tuple[Taken, ...]
    headline: int = 0
    """The one that stands for the case."""


def sample(rig: Rig, scenario: Scenario) -> Outcome:
    """Drives the network as the scenario does."""
    outcome: Outcome = importlib.import_module(SCENARIOS[scenario.name]).sample(rig, scenario)
    return outcome
