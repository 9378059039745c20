"""`Profile`: where the time of a run goes, as immutable, schema-versioned data. Times in milliseconds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resnet_export import __version__

if TYPE_CHECKING:
    from resnet_export.bench.case import Case
    from resnet_export.bench.estimate import Estimate
    from resnet_export.machine import Machine

SCHEMA_VERSION = 2
"""Raised when a key changes its meaning or goes."""


@dataclass(frozen=True)
class LayerTime:
    """A node that ONNX Runtime ran, named after the layer of the file that it computes."""

    layer: str
    """The layer, as the file calls it; the node's own name where it belongs to none."""
    layers: tuple[str, ...]
    """All of the file's nodes that were fused into it; none where it belongs to none, such as a change of layout."""
    node: str
    """Its name in the optimised graph."""
    op: str
    provider: str
    """The execution provider that ran it."""
    calls: float
    """In a run."""
    mean_ms: float
    """In a run, of the runs between the quartiles (see `middle_of`)."""
    share: float
    """Of the latency with the profiler."""
    multiply_adds: int | None
    """Of a run, by the definition of the layer; None where it multiplies with no weights, or a size is unknown."""

    @property
    def multiply_adds_per_s(self) -> float | None:
        """At which it ran."""
        return None if self.multiply_adds is None or not self.mean_ms else self.multiply_adds / self.mean_ms * 1e3

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**dataclasses.asdict(self), "multiply_adds_per_s": self.multiply_adds_per_s}


@dataclass(frozen=True)
class OperatorTime:
    """All nodes of one operator together."""

    op: str
    nodes: int
    calls: float
    """In a run."""
    mean_ms: float
    """The sum of its nodes' times."""
    share: float
    """Of the latency with the profiler."""


@dataclass(frozen=True)
class Profile:
    """Where the time of a run goes."""

    case: Case
    threads: int
    """That a run was given."""
    machine: Machine
    version: str
    """What ran, for people."""
    precision: str
    """In what it multiplied."""
    device: str
    """On which it ran."""
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    plain: Estimate
    """The median latency without the profiler, with its interval."""
    plain_runs: int
    runs: int
    """With the profiler."""
    profiled_median_ms: float
    """Latency with the profiler, measured in the same way as without it."""
    profiled_ms: float
    """The same as the mean of the runs between the quartiles, which is what the parts below add up to."""
    run_ms: float
    """Of these runs, as the profiler has it: without the way from Python and back."""
    operators: tuple[OperatorTime, ...]
    """The longest first."""
    layers: tuple[LayerTime, ...]
    """In the order in which they run."""

    @property
    def overhead(self) -> float:
        """By how much the profiler slowed the runs, as a share of their time without it."""
        return self.profiled_median_ms / self.plain.value - 1

    @property
    def nodes_ms(self) -> float:
        """What the nodes take."""
        return sum(one.mean_ms for one in self.layers)

    @property
    def between_nodes_ms(self) -> float:
        """What lies in ONNX Runtime's run, but in no node: its session, and the profiler's own work."""
        return self.run_ms - self.nodes_ms

    @property
    def around_run_ms(self) -> float:
        """What lies around ONNX Runtime's run: the call from Python, and copies of the input and the output."""
        return self.profiled_ms - self.run_ms

    @property
    def explained(self) -> float:
        """The share of the latency with the profiler that lies in nodes."""
        return self.nodes_ms / self.profiled_ms

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench-profile.md."""
        case, plain = self.case, self.plain
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "machine": self.machine.as_dict(),
            "model": case.model.path,
            "sha256": case.model.sha256,
            "file_bytes": case.model.size,
            "runtime": case.runtime,
            "runtime_version": self.version,
            "batch": case.batch,
            "threads": self.threads,
            "precision": self.precision,
            "device": self.device,
            "settled": self.settled,
            **plain.keys("p50", "_ms"),
            "unprofiled_runs": self.plain_runs,
            "runs": self.runs,
            "profiled_median_ms": self.profiled_median_ms,
            "overhead": self.overhead,
            "profiled_ms": self.profiled_ms,
            "nodes_ms": self.nodes_ms,
            "between_nodes_ms": self.between_nodes_ms,
            "around_run_ms": self.around_run_ms,
            "explained": self.explained,
            "operators": [dataclasses.asdict(one) for one in self.operators],
            "layers": [one.as_dict() for one in self.layers],
        }
