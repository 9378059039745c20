"""Checkpoints in folders, and in several files: as `save_pretrained` of Hugging Face's libraries writes them.

model.safetensors.index.json            {"weight_map": {"conv1.weight": "model-00001-of-00002.safetensors", ...}}
model-00001-of-00002.safetensors        some of the tensors
"""

import re
from collections.abc import Sequence
from pathlib import Path

from resnet_export.data import from_json
from resnet_export.errors import CheckpointError, quote_some

INDEX = ".index.json"
"""How the name of an index ends."""
PART = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
USUAL = ("model.safetensors", "pytorch_model.bin")
"""What a checkpoint in one file is called in such a folder, the better first."""


def checkpoint_in(folder: Path, suffixes: Sequence[str]) -> Path:
    """The checkpoint in a folder, of those whose names end so.

    Raises:
        CheckpointError: there is none, or several.
    """
    if (folder / "saved_model.pb").is_file():
        raise CheckpointError(
            f"{folder} is a TensorFlow SavedModel, which is not read.",
            hint="Save the model where it was made: model.save('model.keras'), and give that file.",
        )
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    usual = [*USUAL, *(name for name in names if name.endswith(INDEX))]
    for name in usual:
        if name in names:
            return folder / name
    found = [name for name in names if name.lower().endswith(tuple(suffixes))]
    if len(found) == 1:
        return folder / found[0]
    if not found:
        raise CheckpointError(f"{folder} is a folder without a checkpoint.", hint="Give the checkpoint itself.")
    if all(PART.fullmatch(name) for name in found):
        return folder / found[0]
    raise CheckpointError(
        f"{folder} is a folder with several checkpoints; it holds {quote_some(found)}.", hint="Give the file itself."
    )


def parts_of(path: Path) -> list[Path]:
    """The files of a checkpoint, given its index or one of them; most have one.

    Raises:
        CheckpointError: one is missing, or the index can't be read.
    """
    if path.name.endswith(INDEX):
        return _existing([path.parent / name for name in _names_in(path)], path)
    match = PART.fullmatch(path.name)
    if match is None:
        return [path]
    count = int(match["count"])
    siblings = [
        path.parent / f"{match['stem']}-{number:05}-of-{count:05}{match['suffix']}" for number in range(1, count + 1)
    ]
    return _existing(siblings, path)


def _names_in(index: Path) -> list[str]:
    try:
        names = sorted(set(from_json(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"{index} is no index of a checkpoint: it has no weight_map.", hint="Copy or download it again."
        ) from error
    if any(Path(name).name != name for name in names):
        raise CheckpointError(
            f"{index} names files outside its own folder. They were not read.", hint="Put all files into one folder."
        )
    return names


def _existing(parts: list[Path], given: Path) -> list[Path]:
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise CheckpointError(
            f"{given} is one of {len(parts)} files of a checkpoint, and {quote_some(missing)} are missing.",
            hint="Copy all of them into one folder.",
        )
    return parts
