"""Networks that people export, by group: each is made with random weights and batch norms as a training leaves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """A network of the corpus."""

    group: str
    """Where it comes from, such as `timm`."""
    name: str
    build: Callable[[int], Any]
    """Pixels of a side of its images -> the live model, in inference mode."""
    smallest: int = 32
    """Pixels of a side of the smallest images that it takes."""
    only: int | None = None
    """Pixels of a side of its images, where it takes no others."""

    def size(self, asked: int) -> int:
        """Pixels of a side of the images on which it is exported."""
        return self.only or max(asked, self.smallest)

    @property
    def path(self) -> str:
        """`timm/resnet50d`."""
        return f"{self.group}/{self.name}"


def members() -> Iterator[Member]:
    """All of them; a group whose package is missing is left out."""
    from zoo import in_keras, in_torch

    yield from in_torch.members()
    yield from in_keras.members()
