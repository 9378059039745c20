"""What a scenario is, what it drives and what it gives.

A scenario is one class in one file: its fields are its options, `sample` drives an open and warm network.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import msgspec

from resnet_export.bench.sampling import Beat, Budget, Call, Clock

Loop = Literal["closed", "open"]
"""Whether a request waits for the one before (closed), or comes when it comes (open)."""


@dataclass(frozen=True)
class Rig:
    """What a scenario drives."""

    make_call: Callable[[int], Call]
    """Batch -> the function that runs the network on that many images."""
    batch: int
    """The case's."""
    clock: Clock
    budget: Budget
    beat: Beat
    """Called now and then, with the number of samples so far and the latest latencies in nanoseconds."""


@dataclass(frozen=True)
class Taken:
    """Latencies that were taken under one condition, in nanoseconds."""

    samples_ns: tuple[int, ...]
    """In the order in which they were measured."""
    duration_ns: int
    """From the first call to the last answer."""
    batch: int
    condition: Mapping[str, float]
    """What tells it from the others of its case: `batch`, `callers`, `gap_ms`, or `rate_per_s` and `load`."""
    callers: int = 1
    """Threads that call at the same time."""
    loop: Loop = "closed"
    """Who sets the pace."""
    probe: bool = False
    """Whether it only served to choose another."""


@dataclass(frozen=True)
class Outcome:
    """What a scenario gave."""

    series: tuple[Taken, ...]
    headline: int = 0
    """Index of the series that stands for the case."""


class Pattern(msgspec.Struct, frozen=True, tag_field="name", forbid_unknown_fields=True):
    """A pattern of calls. The tag is the name that a user writes."""

    may_have_reference: ClassVar[bool] = False
    """Whether its time compares with that of sequential calls of the reference network."""
    has_own_batches: ClassVar[bool] = False
    """Whether it chooses the batch itself."""

    @property
    def name(self) -> str:
        """Such as `single`."""
        return str(self.__struct_config__.tag)

    @property
    def label(self) -> str:
        """Its name with its options, for people."""
        return self.name

    @property
    def slo_ms(self) -> float | None:
        """A bound on p99, in milliseconds; None where there is none."""
        return None

    def with_batches(self, batches: Sequence[int]) -> Self:
        """The same among these batches, where it chooses the batch itself."""
        return self

    @abstractmethod
    def sample(self, rig: Rig) -> Outcome:
        """Drives the network."""
