"""`Request`: what the process of a case is given."""

from __future__ import annotations

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


def size_pools(threads: int) -> dict[str, str]:
    """Variables for a process whose thread pools are to have that many threads."""
    return dict.fromkeys(POOLS, str(threads))
