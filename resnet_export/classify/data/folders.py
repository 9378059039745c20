"""Pictures that are files: in a folder for each class, or listed in a table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from resnet_export.classify.data.dataset import Dataset
from resnet_export.errors import ImageError, InputError, LabelsError, quote_some
from resnet_export.images import SUFFIXES, find_pictures, is_hidden
from resnet_export.terminal import number

SEVERAL = ";"
"""Stands between the labels of a picture that has several."""
COLUMNS = ("path", "label")
NUMBER = re.compile(r"[0-9]+(\.0*)?")
"""A label that is sorted by its value, if all are: 10 behind 9."""


def read_folders(root: Path) -> Dataset:
    """A folder with a folder of pictures for each class, which has the name of the class.

    Raises:
        ImageError: it holds no pictures.
        LabelsError: it holds those of one class only.
    """
    hint = "Give the folder that has a folder of pictures for each class."
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not is_hidden(path.name))
    loose = sum(path.suffix.lower() in SUFFIXES and not is_hidden(path.name) for path in root.iterdir())
    if not folders:
        there = f"{number(loose, 'picture')} and no class folders" if loose else "neither class folders nor pictures"
        raise ImageError(f"The folder {root} holds {there}.", hint=hint)
    if len(folders) == 1:
        raise LabelsError(f"The folder {root} has one class folder, {folders[0].name!r}.", hint=hint)
    found: list[tuple[Path, str]] = []
    empty: list[str] = []
    for folder in folders:
        try:
            found += [(path, folder.name) for path in find_pictures(folder)]
        except ImageError:
            empty.append(folder.name)
    if not found:
        raise ImageError(f"No class folder of {root} holds a picture ({', '.join(sorted(SUFFIXES))}).", hint=hint)
    notes = [f"{quote_some(empty)} {'has' if len(empty) == 1 else 'have'} no pictures."] if empty else []
    notes += [f"{number(loose, 'picture')} beside the class folders took no part."] if loose else []
    paths = [path for path, _ in found]
    labels = [(label,) for _, label in found]
    return Dataset(
        str(root), list(map(str, paths)), labels, paths, tuple(one.name for one in folders), notes=tuple(notes)
    )


def read_table(path: Path) -> Dataset:
    """A file of comma-separated values with the columns `path`, from the file's own folder on, and `label`.

    Raises:
        InputError: it can't be read, or lacks a column, a path or a label.
        ImageError: it lists no pictures.
    """
    hint = f"Give a file whose first line is {','.join(COLUMNS)}, and which has a line for each picture."
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), [name.strip() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table: {error}.", hint=hint) from error
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(map(repr, missing))}; its first line has "
            f"{quote_some(columns) or 'nothing'}.",
            hint=hint,
        )
    entries = [{(name or "").strip(): value for name, value in row.items()} for row in rows]
    short = [at for at, entry in enumerate(entries, 1) if not entry["path"] or entry["label"] is None]
    if short:
        raise InputError(f"Row {short[0]} of {path} has no path, or no label.", hint=hint)
    if not entries:
        raise ImageError(f"{path} lists no pictures.", hint=hint)
    labels = [tuple(part.strip() for part in one["label"].split(SEVERAL) if part.strip()) for one in entries]
    names = [str(path.parent / one["path"]) for one in entries]
    classes = {name for several in labels for name in several}
    by_value = float if all(map(NUMBER.fullmatch, classes)) else None
    return Dataset(str(path), names, labels, [Path(name) for name in names], tuple(sorted(classes, key=by_value)))
