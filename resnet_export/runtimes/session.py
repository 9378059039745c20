"""`Session`: what every runtime offers once it has opened a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from resnet_export.errors import NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

Precision = Literal["float32", "tf32", "bfloat16", "float16", "int8"]
"""In what the multiplications are done; the numbers that go in and come out are float32 all the same."""


@dataclass(frozen=True)
class Placement:
    """Where the network really runs."""

    device: str
    """Such as `CPU` or `GPU 0`."""
    nodes: Mapping[str, int] = field(default_factory=dict)
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None = None
    """What did not go where it was asked for, in words; only where that was allowed."""


class Binding(Protocol):
    """Batches that lie on the device already, with room for the outputs there."""

    def submit(self, index: int) -> None:
        """Hands over the run of batch `index`, modulo their number; on a GPU it may return before that is done."""
        ...

    def wait(self) -> None:
        """Returns when all that was handed over is done."""
        ...


class Session(Protocol):
    """A network ready to run. A context manager: `close` is called on leaving.

    Attributes:
        name: the runtime with its options, such as `ort:cpu` or `openvino,precision=bfloat16`.
        takes_file_input: True when `run` takes what the file takes; False when it takes normalised
            float32 images (N, C, H, W), as the frameworks' own models do.
        batches: the batches that it takes; None for all that the file takes.
        precision: in what it multiplies.
        shows_values: whether `values` can give all values of the graph.
        takes_callers: whether `run` may be called from several threads at once.
        version: what runs, for people; empty where nobody asked.
    """

    name: str
    takes_file_input: bool
    batches: tuple[int, ...] | None
    precision: Precision
    shows_values: bool
    takes_callers: bool
    version: str

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The first output for a batch; logits (N, num_classes) where `takes_file_input` is False."""
        ...

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Those intermediate values of the graph that the runtime can show, float32, (N, C, H, W); perhaps none."""
        ...

    def bind(self, batches: Sequence[NDArray[Any]]) -> Binding:
        """Brings batches to the device, as `run` takes them.

        Raises:
            NotApplicableError: it can't.
        """
        ...

    def placement(self) -> Placement:
        """Where the network runs."""
        ...

    def close(self) -> None:
        """Lets go of memory and threads."""
        ...

    def __enter__(self) -> Self:
        """The session itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the session."""
        ...


class BaseSession:
    """What most sessions have in common: one device, float32, any batch, one caller, and nothing to show or close."""

    name: str
    takes_file_input: bool = True
    batches: tuple[int, ...] | None = None
    precision: Precision = "float32"
    shows_values: bool = False
    takes_callers: bool = False
    version: str = ""

    def __enter__(self) -> Self:
        """The session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the session."""
        self.close()

    def close(self) -> None:
        """Nothing to let go of, unless a session says otherwise."""

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Nothing, unless a session can look inside."""
        return {}

    def bind(self, batches: Sequence[NDArray[Any]]) -> Binding:
        """Not to be had, unless a session says otherwise."""
        raise NotApplicableError(
            f"{self.name} takes its inputs from the host only.", hint="Measure it from host to host."
        )

    def placement(self) -> Placement:
        """The CPU, unless a session says otherwise."""
        return Placement("CPU")
