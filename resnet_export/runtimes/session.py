"""`Session`: what every runtime offers once it has opened a network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from numpy.typing import NDArray

from resnet_export.errors import NotApplicableError

Precision = Literal["float32", "tf32", "bfloat16", "float16", "int8"]
"""The type in which a runtime multiplies; the numbers that go in and come out are float32 all the same."""


@dataclass(frozen=True)
class Placement:
    """Where the network really runs."""

    device: str
    """Such as `CPU` or `GPU 0`."""
    nodes: Mapping[str, int] = field(default_factory=dict)
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None = None
    """What did not go where it was asked for, in words; only where that was allowed."""

    @property
    def on_cpu(self) -> bool:
        """Whether that is a CPU; OpenVINO says which: `CPU: AMD EPYC`."""
        return self.device.startswith("CPU")


@dataclass(frozen=True)
class Binding:
    """Batches that lie on the device already, with room for the outputs there."""

    submit: Callable[[int], object]
    """Hands over the run of a batch by its number, modulo how many there are; on a GPU it may return before the end."""
    wait: Callable[[], object]
    """Returns when all that was handed over is done."""


class Session(ABC):
    """A network ready to run. A context manager: `close` is called on leaving.

    The defaults fit a runtime with one device, float32, any batch, one caller, and nothing to show or close.
    """

    name: str = ""
    """The runtime with its options, such as `ort:cpu` or `openvino,precision=bfloat16`."""
    takes_file_input: bool = True
    """True when `run` takes what the file takes; False when it takes normalised float32 images (N, C, H, W)."""
    batches: tuple[int, ...] | None = None
    """The batches that it takes; None for all that the file takes."""
    precision: Precision = "float32"
    """The type in which it multiplies."""
    shows_values: bool = False
    """Whether `values` can give all values of the graph."""
    takes_callers: bool = False
    """Whether `run` may be called from several threads at once."""
    version: str = ""
    """What runs, for people; empty where nobody asked."""

    @abstractmethod
    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The first output for a batch; logits (N, num_classes) where `takes_file_input` is False."""

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Those intermediate values of the graph that the runtime can show, float32, (N, C, H, W); perhaps none."""
        return {}

    def bind(self, batches: Sequence[NDArray[Any]]) -> Binding:
        """Brings batches to the device, as `run` takes them.

        Raises:
            NotApplicableError: it can't.
        """
        raise NotApplicableError(
            f"{self.name} takes its inputs from the host only.", hint="Measure it from host to host."
        )

    def placement(self) -> Placement:
        """Where the network runs."""
        return Placement("CPU")

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Frees memory and threads."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
