"""Which class of the network each label of a data set means: by name, by number, or by an order that is assumed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_export.classify.data import Dataset, Label
from resnet_export.errors import LabelsError, did_you_mean, quote_some
from resnet_export.terminal import number

How = Literal["name", "number", "order"]


@dataclass(frozen=True)
class Matching:
    """Label -> class."""

    classes: Mapping[Label, int]
    names: tuple[str, ...]
    """What results call the classes, in their order."""
    how: How
    """`order`: the sorted labels were taken for the classes in their order, since nothing shows more."""

    def truth(self, labels: Iterable[Label]) -> tuple[int, ...]:
        """The classes of a picture, sorted."""
        return tuple(sorted({self.classes[label] for label in labels}))

    def numbering(self, other: Matching) -> dict[int, int]:
        """Class of another network -> class of this one: by name if they have the same names, else by number."""
        mine, theirs = ([_simple(name) for name in one.names] for one in (self, other))
        same = len({*mine}) == len(mine) and {*mine} == {*theirs}
        return {at: mine.index(name) if same else at for at, name in enumerate(theirs)}


def match_labels(dataset: Dataset, labels: Sequence[str] | None, outputs: int, model: str) -> Matching:
    """Matches the labels of a data set to the classes of a network.

    Args:
        dataset: the data.
        labels: the network's own.
        outputs: how many values it gives; one means two classes, of which it says how probable the second is.
        model: its file.

    Raises:
        LabelsError: they don't fit together.
    """
    classes, own = max(outputs, 2), labels
    known = dataset.classes
    if outputs == 1 and labels is not None:  # they name the second class alone
        others = [name for name in known or () if _simple(name) != _simple(labels[0])]
        own = (others[0] if len(others) == 1 else f"not {labels[0]}", labels[0])
    if known is None:
        return _by_number(dataset, own, classes, model)
    named = {} if own is None else _by_name(known, own)
    if own is not None and len(named) == len(known):
        return Matching(named, tuple(own), "name")
    if not named and all(name.isdecimal() and int(name) < classes for name in known):
        return Matching({name: int(name) for name in known}, _names(own, classes), "number")
    if not named and len(known) == classes:
        return Matching({name: at for at, name in enumerate(known)}, known, "order")
    raise _unmatched(dataset, [name for name in known if name not in named], own, classes, model)


def _by_number(dataset: Dataset, own: Sequence[str] | None, classes: int, model: str) -> Matching:
    if dataset.columns not in (None, classes):
        raise LabelsError(
            f"The labels in {dataset.source} are of {dataset.columns} classes, and {model} has {classes}.",
            hint="Give 0 and 1 for each class of the network, (N, classes).",
        )
    found = {label for several in dataset.labels for label in several}
    beyond = sorted(label for label in found if isinstance(label, int) and not 0 <= label < classes)
    if beyond:
        raise LabelsError(
            f"{dataset.source} has the label {beyond[0]}, and {model} has {classes} classes: 0 to {classes - 1}.",
            hint="Give the places of the classes in the output, counted from 0.",
        )
    return Matching({label: int(label) for label in found}, _names(own, classes), "number")


def _by_name(known: Sequence[str], own: Sequence[str]) -> dict[Label, int]:
    """Those of the names that are the network's: exactly, or but for case, blanks, `_` and `-`."""
    simple: dict[str, list[int]] = {}
    for at, name in enumerate(own):
        simple.setdefault(_simple(name), []).append(at)
    exact = {name: at for at, name in enumerate(own)}
    found = {name: [exact[name]] if name in exact else simple.get(_simple(name), []) for name in known}
    return {name: at[0] for name, at in found.items() if len(at) == 1}


def _unmatched(
    dataset: Dataset, names: Sequence[str], own: Sequence[str] | None, classes: int, model: str
) -> LabelsError:
    if own is None:
        return LabelsError(
            f"{dataset.source} has {number(len(dataset.classes or ()), 'class', 'classes')}, {model} has {classes}, "
            "and no names to match them by.",
            hint="Give the names of the network's classes with --labels FILE.",
        )
    missing = f"{model} has no class {quote_some(names)}, which {dataset.source} has."
    if all(name.isdecimal() for name in (*names, *own)):
        return LabelsError(missing, hint=f"Its classes are {own[0]} to {own[-1]}: number the labels like that.")
    return LabelsError(
        missing,
        hint=f"{did_you_mean(names[0], own)}Its classes are {quote_some(own)}. Rename those of the data, or give other "
        "names for the network's with --labels FILE.",
    )


def _names(own: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    return tuple(map(str, range(classes)) if own is None else own)


def _simple(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.casefold().strip()))
