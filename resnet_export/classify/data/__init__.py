"""Labelled pictures: class folders, a table of paths and labels, arrays in an archive, or IDX files."""

from __future__ import annotations

from pathlib import Path

from resnet_export.classify.data.arrays import find_idx, read_archive, read_idx
from resnet_export.classify.data.dataset import Dataset, Label
from resnet_export.classify.data.folders import read_folders, read_table
from resnet_export.errors import InputError

__all__ = ["Dataset", "Label", "read_dataset"]

HINT = "Give a folder of class folders, a .csv of path,label, an .npz of images and labels, or a folder of IDX files."


def read_dataset(path: Path) -> Dataset:
    """Reads what there is to be known before a picture is decoded.

    Raises:
        InputError: there is nothing, or nothing that is known. Of its subclasses:
        ImageError: there are no pictures, or arrays that are none.
        LabelsError: there are no labels, or not one for each picture.
    """
    if path.is_dir():
        files = find_idx(path)
        return read_folders(path) if files is None else read_idx(*files)
    if not path.exists():
        raise InputError(f"There is no {path}.", hint=HINT)
    match path.suffix.lower():
        case ".csv":
            return read_table(path)
        case ".npz":
            return read_archive(path)
    raise InputError(f"{path} is no data set.", hint=HINT)
