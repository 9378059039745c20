"""Names of the classes: read from a text file or known by name, and held against the number of classes."""

import ast
import contextlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_export.data import from_json
from resnet_export.errors import LabelsError, MissingDependencyError
from resnet_export.terminal import number

IMAGENET, IMAGENET_CLASSES = "imagenet", 1000
"""What stands for the names of ImageNet's classes, and how many of them there are."""


def labels_of(labels: str | os.PathLike[str] | Sequence[str] | None, classes: int | None) -> tuple[str, ...] | None:
    """The class names, one for each class.

    Args:
        labels: a text file, `imagenet`, or the names themselves; None for none.
        classes: how many there are; None where that isn't known yet.

    Raises:
        LabelsError: the file can't be read, or there are more or fewer names than classes.
        MissingDependencyError: torchvision, which has the names of ImageNet's classes, is not installed.
    """
    if labels is None:
        return None
    if labels == IMAGENET and not Path(IMAGENET).exists():
        if classes not in (None, IMAGENET_CLASSES):
            raise LabelsError(
                f"ImageNet has {IMAGENET_CLASSES} classes, and the network has {classes}.",
                hint="Give a text file with the names of its classes, one a line.",
            )
        return imagenet_labels()
    if isinstance(labels, str | os.PathLike):
        names = read_labels(Path(labels))
        where = f"The labels file {labels} has {number(len(names), 'line')}"
    else:
        names, where = tuple(labels), f"{len(labels)} labels were given"
    if classes is not None and len(names) != classes:
        raise LabelsError(f"{where}, and the network has {classes} classes.", hint="Give one label per class.")
    return names


def read_labels(path: Path) -> tuple[str, ...]:
    """The lines of a text file, without a byte order mark and without empty lines at its end; or the names in JSON.

    In JSON they are a list, `{"0": "cat", ...}`, or such a table under `id2label`, as in Hugging Face's `config.json`.

    Raises:
        LabelsError: it can't be read, or has an empty line before its end, or JSON of another kind.
    """
    hint = 'Give a text file, one class a line, or JSON such as {"0": "cat", "1": "dog"}.'
    try:
        text = path.read_text(encoding="utf-8-sig").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise LabelsError(f"The labels file {path} cannot be read: {reason}.", hint=hint) from error
    if text.startswith(("{", "[")):
        try:
            return of_json(from_json(text))
        except ValueError as error:
            raise LabelsError(f"The labels file {path} has no class names: {error}.", hint=hint) from error
    names = tuple(line.strip() for line in text.splitlines())
    if "" in names:
        raise LabelsError(f"The labels file {path} has nothing in line {names.index('') + 1}.", hint=hint)
    return names


def of_json(data: Any) -> tuple[str, ...]:
    """The class names in JSON: a list, number -> name, or that under `id2label`.

    Raises:
        ValueError: it is of another kind, or the numbers are not 0, 1, 2, ...
    """
    if isinstance(data, dict) and isinstance(data.get("id2label"), dict):
        data = data["id2label"]
    if isinstance(data, dict):
        numbered = {int(key): name for key, name in data.items()}
        if numbered.keys() != set(range(len(numbered))):
            raise ValueError("its numbers are not 0, 1, 2 and so on")
        data = [numbered[index] for index in range(len(numbered))]
    if not isinstance(data, list) or not data or not all(isinstance(name, str) for name in data):
        raise ValueError("it is no list of names, and no table of them")
    return tuple(data)


def imagenet_labels() -> tuple[str, ...]:
    """The names of ImageNet's classes, read from a file of torchvision, which is not imported.

    Raises:
        MissingDependencyError: it is not installed.
    """
    found = importlib.util.find_spec("torchvision")
    for folder in (found and found.submodule_search_locations) or ():
        with contextlib.suppress(OSError, LookupError, ValueError):  # of a release that has them elsewhere
            tree = ast.parse(Path(folder, "models", "_meta.py").read_text(encoding="utf-8"))
            assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
            return tuple(ast.literal_eval(assigned["_IMAGENET_CATEGORIES"]))
    raise MissingDependencyError(
        "The names of ImageNet's classes are read from torchvision, which is not installed.",
        hint="Install it with: pip install --no-deps torchvision",
    )
