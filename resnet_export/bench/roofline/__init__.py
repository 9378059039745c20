"""How much of the possible a latency is, by the roofline model.

    least time = max(sum over precisions of multiply-adds / peak, bytes / bandwidth)
    share      = least time / latency

S. Williams, A. Waterman and D. Patterson, Roofline: an insightful visual performance model for multicore architectures,
Communications of the ACM 52 (2009). The peaks are measured, on the threads that the network has: matrix products of
a size that the caches like, and copies of arrays that no cache holds.

The bytes are those that have to travel: images and answers once, and what the last-level cache can't hold, which is the
weights where they are larger than it (read once a batch), and likewise each layer's result (written and read).

Multiply-adds are those of the definition. A convolution after Winograd needs up to 4 times fewer, so that a share may
exceed 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from resnet_export.bench.request import size_pools
from resnet_export.workers import Worker

if TYPE_CHECKING:
    from resnet_export.bench.request import Ran
    from resnet_export.graph.cost import Cost
    from resnet_export.machine import Machine

Device = Literal["cpu", "cuda"]
TARGET = "resnet_export.bench.roofline.worker:PeaksWorker"
TIMEOUT_S = 120.0
"""It takes 3 s on a CPU; a GPU's libraries may take half a minute to load."""
USUAL_CACHE = 32 << 20
"""Bytes of a usual last-level cache, where the system does not tell its size."""
DOT_PRODUCTS = ("VNNI", "AMX-INT8", "dotprod", "i8mm")
"""Instruction sets that multiply int8; without one, int8 has no peak of its own."""


@dataclass(frozen=True)
class Peaks:
    """The most that was seen of this machine."""

    device: Device
    threads: int
    """Threads on the CPU; a GPU has its own."""
    multiply_adds_per_s: Mapping[str, float] = field(default_factory=dict)
    """Precision -> multiply-adds a second: `float32`, `int8`; on a GPU `float32`, `tf32` and `float16`."""
    how: Mapping[str, str] = field(default_factory=dict)
    """Precision -> what reached it; `memory` -> likewise."""
    bytes_per_s: float = 0.0
    """Read and written together."""
    cache_bytes: int = USUAL_CACHE


@dataclass(frozen=True)
class Share:
    """The least time that the roofline allows, over the latency."""

    DERIVED: ClassVar[tuple[str, ...]] = ("bound", "of_possible")

    compute: float
    """By the multiply-adds alone. It may exceed 1, where Winograd needs fewer."""
    memory: float
    """By the bytes alone."""

    @property
    def bound(self) -> Literal["compute", "memory"]:
        """What sets the least time."""
        return "compute" if self.compute >= self.memory else "memory"

    @property
    def of_possible(self) -> float:
        """The share itself."""
        return max(self.compute, self.memory)


def share(cost: Cost, peaks: Peaks, latency_ms: float, batch: int, precision: str) -> Share | None:
    """How much of the possible a latency is.

    Args:
        cost: of one image.
        peaks: of the device and the number of threads on which it was measured.
        latency_ms: of a batch, its median.
        batch: images in it.
        precision: in which the runtime multiplies what the file doesn't have in integers.

    Returns:
        None where no peak was measured of a precision that the network needs.
    """
    floating = cost.multiply_adds - cost.quantized_multiply_adds
    seconds = 0.0
    for count, kind in ((floating, precision), (cost.quantized_multiply_adds, "int8")):
        if count and kind not in peaks.multiply_adds_per_s:
            return None
        seconds += batch * count / peaks.multiply_adds_per_s[kind] if count else 0.0
    latency = latency_ms / 1e3
    return Share(seconds / latency, bytes_to_move(cost, batch, peaks.cache_bytes) / peaks.bytes_per_s / latency)


def bytes_to_move(cost: Cost, batch: int, cache_bytes: int) -> int:
    """From memory and to memory, for a batch: the least that it takes."""
    weights = cost.weight_bytes if cost.weight_bytes > cache_bytes else 0
    results = sum(2 * batch * size for size in cost.result_bytes if batch * size > cache_bytes)
    return batch * cost.image_bytes + weights + results


def share_of(
    cost: Cost | None, peaks: Sequence[Peaks], ran: Ran, threads: int, latency_ms: float, batch: int
) -> Share | None:
    """The share of a latency by the peaks of what ran it; None where these, or the cost, are unknown."""
    bounds = (one for one in peaks if one.device == device_of(ran) and (one.device == "cuda" or one.threads == threads))
    own = next(bounds, None)
    return None if cost is None or own is None else share(cost, own, latency_ms, batch, ran.precision)


def device_of(ran: Ran) -> Device | None:
    """The device whose peaks bound what ran; None for one whose peaks nobody measures."""
    return "cpu" if ran.on_cpu else "cuda" if ran.device.startswith("GPU") else None


def measure_peaks(machine: Machine, threads: int, device: Device = "cpu", *, seconds: float = 1.0) -> Peaks:
    """Measures the peaks, in a process of its own.

    Args:
        machine: this one.
        threads: threads of the CPU; nothing else may be measured at the same time.
        device: `cpu`, or `cuda` for the first GPU that ONNX Runtime finds.
        seconds: for all of them together, without the start.

    Raises:
        RuntimeFailedError: it could not be measured, with the reason.
    """
    instructions = machine.cpu.instruction_sets or {}
    cache = (machine.cpu.cache_bytes if device == "cpu" else None) or USUAL_CACHE
    has_int8 = any(instructions.get(name) for name in DOT_PRODUCTS)
    with Worker(TARGET, environment=size_pools(threads), timeout_s=TIMEOUT_S) as worker:
        doing = "measuring the peaks of this machine"
        if device == "cuda":
            found: Peaks = worker.call("measure_gpu", threads, seconds, cache, doing=doing)
        else:
            memory = machine.usable_memory_bytes
            found = worker.call("measure_cpu", threads, seconds, cache, memory, has_int8, doing=doing)
    return found
