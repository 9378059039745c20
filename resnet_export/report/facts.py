"""Facts that several commands show, in lines of a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from resnet_export.graph.interface import Embedded
from resnet_export.images import Preprocessing
from resnet_export.terminal import fact, numbers, printable, shortened, wrapped

LONGEST = 34
"""Characters of a name or value that are shown."""
EMBEDDED: dict[Embedded, str] = {
    "none": "left to the caller",
    "uint8": "normalised in the file",
    "image": "all of it done in the file",
}
"""How much of the preparation a file does itself."""
FIRST_LABELS = 3
"""Class names that are shown, so that they can be recognised."""


def told(facts: Iterable[tuple[str, str | Sequence[str]]], notes: Iterable[str] = ()) -> Iterator[str]:
    """Each name with what is said of it, then the notes."""
    for name, said in facts:
        yield from fact(name, *map(printable, [said] if isinstance(said, str) else said))
    for note in notes:
        yield from wrapped(printable(note), "  note: ")


def nodes(operators: Mapping[str, int]) -> Iterator[str]:
    """How many nodes there are in all and of each operator."""
    yield from fact("nodes", f"{sum(operators.values())} in all", *(f"{count} {op}" for op, count in operators.items()))


def labels(names: Sequence[str]) -> Iterator[str]:
    """How many classes there are, and the first of them."""
    shown = [f"{number} {shortened(name, LONGEST)}" for number, name in enumerate(names[:FIRST_LABELS])]
    yield from fact("labels", f"{len(names)} in all", *shown, *(["..."] if len(names) > len(shown) else []))


def preprocessing(found: Preprocessing, embedded: Embedded, *more: str) -> Iterator[str]:
    """How pictures are prepared, what else is known of that, and how much of it the file does."""
    yield from fact("preprocessing", *preparation(found), *more, EMBEDDED[embedded])


def preparation(found: Preprocessing, *, normalised: bool = True) -> list[str]:
    """How pictures are prepared, a step each; `normalised` with mean and standard deviation."""
    moments = [*(["BGR"] if found.bgr else []), f"mean {numbers(found.mean)}", f"std {numbers(found.std)}"]
    size = f"{found.resize} x {found.resize}, squashed" if found.aspect == "squashed" else str(found.resize)
    uncut = (found.aspect, found.resize) == ("squashed", found.crop)
    half = " (half a pixel rounds down)" if found.half == "down" and not uncut else ""  # else as torchvision's
    return [f"resize {size} ({found.interpolation})", f"crop {found.crop}{half}", *(moments if normalised else [])]
