"""Reading and writing checkpoints: the table of formats, and what is the same for all of them.

The first bytes of a file tell its format, whatever its name is; the name decides where a file is written. Each module
has `TITLE`, what error messages call such a file; `read(path, ema=False)`, the tensors under every name that the file
holds, in canonical layout; and `write(path, tensors, description)`.
"""

import difflib
import importlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, ResNetExportError, quote_some
from resnet_export.files import reported, staged
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description
from resnet_export.weights.formats import sharded
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.families import in_canonical_names
from resnet_export.weights.naming.torch import without_wrappers

FORMATS: Mapping[str, str] = {
    ".pth": "resnet_export.weights.formats.torch",
    ".pt": "resnet_export.weights.formats.torch",
    ".safetensors": "resnet_export.weights.formats.safetensors",
    ".keras": "resnet_export.weights.formats.keras",
    ".weights.h5": "resnet_export.weights.formats.keras",
    ".npz": "resnet_export.weights.formats.numpy",
}
"""How a file's name ends -> the module that reads and writes such files."""
SIGNATURES = ((b"\x89HDF\r\n\x1a\n", ".weights.h5"), (b"\x80", ".pth"))
"""First bytes -> the suffix of that format."""
IN_ARCHIVES = (("model.weights.h5", ".keras"), ("data.pkl", ".pth"), (".npy", ".npz"))
"""How the name of an entry of a zip archive ends -> the suffix of that format."""
ZIP = b"PK"
LFS = b"version https://"
"""What Git leaves in place of a large file, by https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""
CHECKPOINTS = (*FORMATS, ".bin", ".ckpt", ".th", ".tar", ".pkl", ".h5")
"""How the names of checkpoints end that people have."""
LONGEST_REASON = 160


def read_contents(path: str | os.PathLike[str], *, ema: bool = False) -> Contents:
    """The tensors of a checkpoint under canonical names and in canonical layout; not yet checked.

    What wrappers leave in names is taken off, such as `module.` of `DataParallel`; and the prefix of an attribute such
    as `backbone.` where what remains is the set of a known family. Names of other families become torchvision's.

    Args:
        path: a file, or a folder with one; a checkpoint in several files is given by any of them, or by its index.
        ema: take the moving average of the weights, where there is one.

    Raises:
        CheckpointError: there is no such file, its format is unknown, or it is damaged, unsafe or ambiguous.
        MissingDependencyError: the format needs a framework that is not installed.
    """
    contents = read_own_contents(path, ema=ema)
    found = in_canonical_names(replace(contents, tensors=_unwrapped(contents.tensors, Path(path))), ema=ema)
    if found.unplaced:
        raise CheckpointError(
            f"{path} has {quote_some(list(found.unplaced))} beside a ResNet, and no tensor shows what the network does "
            "with them.",
            hint="Give the model itself: --model module:callable --weights FILE, or export(model, 'file.onnx'). "
            "If only the training needs them, save the checkpoint without them.",
        )
    return found


def read_own_contents(path: str | os.PathLike[str], *, ema: bool = False) -> Contents:
    """What is in a checkpoint, under the names that it has there: see `read_contents`."""
    path = Path(path)
    if path.is_dir():
        path = sharded.checkpoint_in(path, CHECKPOINTS)
    _refuse_absent(path)
    parts = [_read_file(part, ema=ema) for part in sharded.parts_of(path)]
    if len(parts) == 1:
        return parts[0]
    return Contents({name: array for part in parts for name, array in part.tensors.items()})


def _read_file(path: Path, *, ema: bool) -> Contents:
    title = "a checkpoint"
    try:
        form = _format(path)
        title = form.TITLE
        found: Contents = form.read(path, ema=ema)
    except ResNetExportError:
        raise
    except PermissionError as error:
        raise CheckpointError(f"{path} may not be read.", hint="Give yourself the permission to read it.") from error
    except Exception as error:
        # Each library has its own exceptions for a damaged file, and some raise whatever the bytes lead them to.
        raise CheckpointError(
            f"{path} cannot be read as {title}: {_shortened(error)}.",
            hint="The file is damaged, incomplete or of another format: copy or download it again.",
        ) from error
    return found


def write(path: str | os.PathLike[str], weights: Tensors, description: Description | None = None) -> None:
    """Writes a checkpoint in the format of the file's name: whole, or not at all.

    The description is what the training says of the network; `.npz` has no place for it.

    Raises:
        CheckpointError: the name has no known suffix, or the format is written elsewhere.
        MissingDependencyError: the format needs a framework that is not installed.
        UnavailableError: the file cannot be written.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix is None:
        raise CheckpointError(
            f"{path} has no suffix of a known checkpoint format.",
            hint=f"Name it by its format: {', '.join(FORMATS)}.",
        )
    form = importlib.import_module(FORMATS[suffix])
    with staged(path) as temporary, reported(path):
        form.write(temporary, weights, description)


def _format(path: Path) -> Any:
    """The module that reads a file, by its first bytes; by its name where these say nothing."""
    suffix = _by_bytes(path) or _suffix(path)
    if suffix is None:
        raise CheckpointError(
            f"{path} is no checkpoint: it begins like no format that is known.",
            hint="Give a file that torch.save, safetensors, Keras (model.save('model.keras')) or numpy.savez wrote.",
        )
    return importlib.import_module(FORMATS[suffix])


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in FORMATS if path.name.lower().endswith(suffix)), None)


def _by_bytes(path: Path) -> str | None:
    with path.open("rb") as file:
        first = file.read(16)
    if first.startswith(ZIP):
        names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
        held = next((suffix for end, suffix in IN_ARCHIVES if any(name.endswith(end) for name in names)), None)
        if names and held is None:
            raise CheckpointError(
                f"{path} is a zip archive, and no checkpoint: it holds {quote_some(names)}.",
                hint="Unpack it first: unzip FILE",
            )
        return held or _suffix(path) or ".pth"  # one that is truncated is most likely torch's
    if first.startswith(LFS):
        raise CheckpointError(f"{path} is a Git LFS pointer in place of the file.", hint="Fetch the file: git lfs pull")
    header = int.from_bytes(first[:8], "little")
    if first[8:9] == b"{" and header < path.stat().st_size:
        return ".safetensors"
    return next((suffix for signature, suffix in SIGNATURES if first.startswith(signature)), None)


def _refuse_absent(path: Path) -> None:
    try:
        there_is = path.exists()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.", hint="Check the path.") from error
    if not there_is:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else None
        near = difflib.get_close_matches(path.name, names or [])
        there = f"; there is {quote_some(near)}" if near else "" if names is not None else ", nor the folder"
        raise CheckpointError(f"There is no file {path}{there}.", hint="Check the path.")


def _unwrapped(tensors: dict[str, NDArray[Any]], path: Path) -> dict[str, NDArray[Any]]:
    """The tensors under their names without wrappers' prefixes."""
    sources: dict[str, str] = {}
    for name in tensors:
        first = sources.setdefault(without_wrappers(name), name)
        if first != name:
            raise CheckpointError(
                f"{path} holds {without_wrappers(name)!r} twice: as {first!r} and as {name!r}.",
                hint="Save one model only: that of the wrapper's `.module`.",
            )
    return {bare: tensors[name] for bare, name in sources.items()}


def _shortened(error: Exception) -> str:
    """The first sentence of the reason: libraries write whole paragraphs, unsafe advice among it, and some nothing."""
    words = " ".join(str(error).split()).partition(". ")[0] or type(error).__name__
    return (words if len(words) <= LONGEST_REASON else f"{words[:LONGEST_REASON]}...").rstrip(". ")
