"""`Profile`: where the time of a run goes, as immutable, schema-versioned data. Times in milliseconds."""

from dataclasses import dataclass, field
from typing import ClassVar

from resnet_export import __version__
from resnet_export.bench.case import Case
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.request import Ran
from resnet_export.data import Plain
from resnet_export.machine import Machine


@dataclass(frozen=True)
class LayerTime:
    """A node that ONNX Runtime ran, named after the layer of the file that it computes."""

    DERIVED: ClassVar[tuple[str, ...]] = ("multiply_adds_per_s",)

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
    """Calls in a run."""
    mean_ms: float
    """Its time in a run, the mean of the runs between the quartiles (see `middle_of`)."""
    share: float
    """Share of the latency with the profiler."""
    multiply_adds: int | None
    """In a run, by the definition of the layer; None where it multiplies with no weights, or a size is unknown."""

    @property
    def multiply_adds_per_s(self) -> float | None:
        """Its speed."""
        return None if self.multiply_adds is None or not self.mean_ms else self.multiply_adds / self.mean_ms * 1e3


@dataclass(frozen=True)
class OperatorTime:
    """All nodes of one operator together."""

    op: str
    nodes: int
    calls: float
    """Calls in a run."""
    mean_ms: float
    share: float
    """Share of the latency with the profiler."""


@dataclass(frozen=True)
class Profile(Plain):
    """Where the time of a run goes."""

    DERIVED: ClassVar[tuple[str, ...]] = (
        "p50_ms",
        "overhead",
        "nodes_ms",
        "between_nodes_ms",
        "around_run_ms",
        "explained",
    )

    case: Case
    threads: int
    machine: Machine
    ran: Ran
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    latency_ms: Estimate
    """The median latency without the profiler."""
    unprofiled_runs: int
    runs: int
    profiled_median_ms: float
    """Latency with the profiler, measured in the same way as without it."""
    profiled_ms: float
    """The same as the mean of the runs between the quartiles, which is what the parts below add up to."""
    run_ms: float
    """Duration of these runs by the profiler: without the way from Python and back."""
    operators: tuple[OperatorTime, ...]
    """The longest first."""
    layers: tuple[LayerTime, ...]
    """In the order in which they run."""
    version: str = __version__
    schema_version: int = field(default=3, kw_only=True)
    """Raised when a key changes its meaning or goes."""

    @property
    def p50_ms(self) -> float:
        """The median latency without the profiler."""
        return self.latency_ms.value

    @property
    def overhead(self) -> float:
        """How much the profiler slowed the runs, as a share of their time without it."""
        return self.profiled_median_ms / self.latency_ms.value - 1

    @property
    def nodes_ms(self) -> float:
        """Time in the nodes."""
        return sum(one.mean_ms for one in self.layers)

    @property
    def between_nodes_ms(self) -> float:
        """Time in ONNX Runtime's run, but in no node: its session, and the profiler's own work."""
        return self.run_ms - self.nodes_ms

    @property
    def around_run_ms(self) -> float:
        """Time around ONNX Runtime's run: the call from Python, and copies of the input and the output."""
        return self.profiled_ms - self.run_ms

    @property
    def explained(self) -> float:
        """The share of the latency with the profiler that lies in nodes."""
        return self.nodes_ms / self.profiled_ms
