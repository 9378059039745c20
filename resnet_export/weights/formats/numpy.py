"""NumPy archives, `.npz`: one array for each canonical name."""

from pathlib import Path
from typing import Any

import numpy as np

from resnet_export.errors import CheckpointError, quote_some
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description
from resnet_export.weights.naming import Tensors

TITLE = "a NumPy archive"

HOW_TO_WRITE = "Write all arrays by name: numpy.savez(path, **arrays)."


def read(path: Path, *, ema: bool = False) -> Contents:
    """The arrays as they are. Pickled objects are refused.

    Raises:
        CheckpointError: it is a single array, which has no name, or a zip archive of something else.
    """
    with path.open("rb") as file:  # given a path, numpy leaves a damaged file open
        content = np.load(file, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise CheckpointError(f"{path} holds one array of shape {content.shape} without a name.", hint=HOW_TO_WRITE)
        entries: dict[str, Any] = dict(content)
    strange = [name for name, entry in entries.items() if not isinstance(entry, np.ndarray)]
    if strange:
        raise CheckpointError(f"{path} holds {quote_some(strange)}, not arrays.", hint=HOW_TO_WRITE)
    return Contents(entries)


def write(path: Path, weights: Tensors, said: Description | None = None) -> None:
    """Writes the parameters, uncompressed: random-looking bits do not compress. A description has no place there."""
    arrays: dict[str, Any] = dict(weights)
    with path.open("wb") as file:  # given a path, numpy may add a suffix to it
        np.savez(file, **arrays)
