"""`Request`: what the process of a case is told about it, made of the case by the parent and sent as plain data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resnet_export.bench.inputs import Images
from resnet_export.bench.pools import size_pools
from resnet_export.runtimes import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.case import Boundary, Case


@dataclass(frozen=True)
class Request:
    """What every process needs to know that runs a case."""

    runtime: str
    """With its options, the threads among them where it has that option."""
    allow_fallback: bool
    """Whether nodes may run elsewhere than asked for."""
    path: str
    """Of the file."""
    images: Images
    """What the file takes."""
    batch: int
    """Images in a run."""
    boundary: Boundary
    """From where to where a run goes."""
    threads: int
    """Of a run."""
    environment: Mapping[str, str]
    """The variables that the process has besides the parent's."""

    @classmethod
    def of(cls, case: Case, allowed: int) -> Request:
        """What the process of a case is told.

        Args:
            case: what it runs.
            allowed: threads by affinity and cgroup.
        """
        options = choose(case.runtime).options
        own = getattr(options, "threads", None)
        threads = own or case.threads or allowed
        chosen = hasattr(options, "threads") and own is None
        return cls(
            runtime=f"{case.runtime},threads={threads}" if chosen else case.runtime,
            allow_fallback=case.allow_fallback,
            path=case.model.path,
            images=case.model.images,
            batch=case.batch,
            boundary=case.boundary,
            threads=threads,
            # It has no such option, or was given it.
            environment={} if chosen else size_pools(threads),
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Request:
        """The inverse of `as_dict`."""
        return cls(**{**fields, "images": Images(**fields["images"])})
