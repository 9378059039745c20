"""Names of the classes: read from a text file, and held against the number of classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from resnet_export.errors import LabelsError
from resnet_export.terminal import number


def labels_of(labels: str | os.PathLike[str] | Sequence[str] | None, classes: int | None) -> tuple[str, ...] | None:
    """The class names, one for each class.

    Args:
        labels: a text file, or the names themselves; None for none.
        classes: how many there are; None where that isn't known yet.

    Raises:
        LabelsError: the file can't be read, or there are more or fewer names than classes.
    """
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        names = read_labels(Path(labels))
        where = f"The labels file {labels} has {number(len(names), 'line')}"
    else:
        names, where = tuple(labels), f"{len(labels)} labels were given"
    if classes is not None and len(names) != classes:
        raise LabelsError(f"{where}, and the network has {classes} classes.", hint="Give one label per class.")
    return names


def read_labels(path: Path) -> tuple[str, ...]:
    """The lines of a text file, without a byte order mark and without empty lines at its end.

    Raises:
        LabelsError: it can't be read, is JSON, or has an empty line before its end.
    """
    hint = "Give a text file, one class a line."
    try:
        text = path.read_text(encoding="utf-8-sig").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise LabelsError(f"The labels file {path} cannot be read: {reason}.", hint=hint) from error
    if text.startswith(("{", "[")):
        raise LabelsError(
            f"The labels file {path} is JSON.", hint="Write its class names into a text file, one a line."
        )
    names = tuple(line.strip() for line in text.splitlines())
    if "" in names:
        raise LabelsError(f"The labels file {path} has nothing in line {names.index('') + 1}.", hint=hint)
    return names
