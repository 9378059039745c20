"""`Ran`: which runtime ran a file, and where."""

from collections.abc import Mapping
from dataclasses import dataclass


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
