"""`Contents`: what was found in a checkpoint, before anybody asks which network it is of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Contents:
    """Tensors by name, and what else a checkpoint says."""

    tensors: dict[str, NDArray[Any]]
    notes: tuple[str, ...] = ()
    """What a reader has to know: which of several state_dicts was taken, which prefix was taken off, a part of a
    sentence each."""
    labels: tuple[str, ...] | None = None
    """Class names, where the checkpoint has them."""
    family: str | None = None
    """Whose names the tensors had, where these were not torchvision's."""
    usual: Mapping[str, Any] = field(default_factory=dict)
    """What is usual in that family though no tensor shows it: fields of `ResNetSpec`."""
