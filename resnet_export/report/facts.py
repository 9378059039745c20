"""Facts of a file that `export` and `inspect` both show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from resnet_export.terminal import fact, numbers, shortened

if TYPE_CHECKING:
    from resnet_export.images import Preprocessing

LONGEST = 34
"""Characters of a name or value that are shown."""
FIRST_LABELS = 3
"""Class names that are shown, so that they can be recognised."""


def nodes(operators: Mapping[str, int]) -> Iterator[str]:
    """How many nodes there are in all and of each operator."""
    yield from fact("nodes", f"{sum(operators.values())} in all", *(f"{count} {op}" for op, count in operators.items()))


def labels(names: Sequence[str]) -> Iterator[str]:
    """How many classes there are, and the first of them."""
    shown = [f"{number} {shortened(name, LONGEST)}" for number, name in enumerate(names[:FIRST_LABELS])]
    yield from fact("labels", f"{len(names)} in all", *shown, *(["..."] if len(names) > len(shown) else []))


def preprocessing(found: Preprocessing, *more: str) -> Iterator[str]:
    """How pictures are prepared, and what else is known of that."""
    yield from fact("preprocessing", *preparation(found), *more)


def preparation(found: Preprocessing, *, normalised: bool = True) -> list[str]:
    """How pictures are prepared, a step each; `normalised` with mean and standard deviation."""
    moments = [f"mean {numbers(found.mean)}", f"std {numbers(found.std)}"]
    return [f"resize {found.resize} ({found.interpolation})", f"crop {found.crop}", *(moments if normalised else [])]
