"""`Request`: what the process of a case is given; `Ran`: what it says that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_export.bench.case import IO, Case
    from resnet_export.bench.inputs import Images
    from resnet_export.runtimes import RuntimeSpec

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Variables that size the thread pools of OpenMP, and of the libraries that NumPy multiplies with."""


@dataclass(frozen=True)
class Request:
    """A case with all that depends on this machine filled in."""

    spec: RuntimeSpec
    """With its threads, where the runtime has that option."""
    path: str
    images: Images
    batch: int
    io: IO
    threads: int
    allow_fallback: bool
    environment: dict[str, str]
    """Variables that the process has besides the parent's."""

    @classmethod
    def of(cls, case: Case, usable_cpus: float) -> Request:
        """Fills in the threads: the runtime's own option, the case's, or one for each usable CPU."""
        spec = case.spec.with_fallback(case.allow_fallback)
        threads = spec.threads or case.threads or max(1, int(usable_cpus))
        chosen = spec.takes_threads and spec.threads is None
        return cls(
            spec.with_threads(threads) if chosen else spec,
            case.model.path,
            case.model.images,
            case.batch,
            case.io,
            threads,
            case.allow_fallback,
            # A runtime without the option, or one that was given it, has pools of its own besides.
            environment={} if chosen else size_pools(threads),
        )


@dataclass(frozen=True)
class Ran:
    """What runs, as the open session says."""

    version: str
    """The runtime with its version, for people."""
    precision: str
    """The type in which it multiplies."""
    device: str
    """Such as `CPU` or `GPU 0`."""
    nodes: Mapping[str, int]
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None
    """What did not go where it was asked for."""

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU runs the network."""
        return self.device.startswith("CPU")


def size_pools(threads: int) -> dict[str, str]:
    """Variables for a process whose thread pools are to have that many threads."""
    return dict.fromkeys(POOLS, str(threads))
