"""`Session`: what every runtime offers once it has opened a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray


class Session(Protocol):
    """A network ready to run. A context manager: `close` is called on leaving.

    Attributes:
        name: the runtime, such as `ort:cpu`.
        takes_file_input: True when `run` takes what the file takes; False when it takes normalised
            float32 images (N, C, H, W), as the frameworks' own models do.
    """

    name: str
    takes_file_input: bool

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The output for a batch; logits (N, num_classes) where `takes_file_input` is False."""
        ...

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Those intermediate values of the canonical graph that the runtime can show, float32, (N, C, H, W)."""
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


class ClosesItself:
    """Makes a session a context manager."""

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
