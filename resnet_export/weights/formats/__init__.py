"""Reading and writing checkpoints: the table of formats, and what is the same for all of them.

Each module has `TITLE`, what error messages call such a file; `read(path)`, the tensors under every name that the file
holds, in canonical layout; and `write(path, tensors)`.
"""

import difflib
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, ResNetExportError, quote_some
from resnet_export.files import reported, staged
from resnet_export.weights.formats.keras_config import read_findings
from resnet_export.weights.infer import Finding
from resnet_export.weights.naming import Tensors
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


def read(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint under canonical names and in canonical layout; not yet checked.

    The prefixes that `DataParallel` (`module.`) and `torch.compile` (`_orig_mod.`) leave are taken off.

    Raises:
        CheckpointError: there is no such file, its format is unknown, or it is damaged, unsafe or ambiguous.
        MissingDependencyError: the format needs a framework that is not installed.
    """
    return _unwrapped(read_own_names(path), Path(path))


def read_own_names(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint under the names that they have there.

    Raises:
        CheckpointError: there is no such file, its format is unknown, or it is damaged, unsafe or ambiguous.
        MissingDependencyError: the format needs a framework that is not installed.
    """
    path = Path(path)
    try:
        _refuse_absent(path)
        form = _format(path)
        tensors: dict[str, NDArray[Any]] = form.read(path)
    except ResNetExportError:
        raise
    except PermissionError as error:
        raise CheckpointError(f"{path} may not be read.", hint="Give yourself the permission to read it.") from error
    except Exception as error:
        # Each library has its own exceptions for a damaged file, and some raise whatever the bytes lead them to.
        raise CheckpointError(
            f"{path} cannot be read as {form.TITLE}: {_shortened(error)}.",
            hint="The file is damaged, incomplete or of another format: copy or download it again.",
        ) from error
    return tensors


def read_configuration(path: str | os.PathLike[str]) -> dict[str, Finding]:
    """Field of the specification -> what a configuration inside a checkpoint shows of it.

    Raises:
        CheckpointError: it can't be read.
    """
    return read_findings(Path(path)) if Path(path).name.lower().endswith(".keras") else {}


def write(path: str | os.PathLike[str], weights: Tensors) -> None:
    """Writes a checkpoint in the format of the file's name: whole, or not at all.

    Raises:
        CheckpointError: the name has no known suffix, or the format is written elsewhere.
        MissingDependencyError: the format needs a framework that is not installed.
        UnavailableError: the file cannot be written.
    """
    path = Path(path)
    form = _format(path)
    with staged(path) as temporary, reported(path):
        form.write(temporary, weights)


def _format(path: Path) -> Any:
    for suffix, module in FORMATS.items():
        if path.name.lower().endswith(suffix):
            return importlib.import_module(module)
    raise CheckpointError(
        f"{path} has no suffix of a known checkpoint format.",
        hint=f"Name it by its format: {', '.join(FORMATS)}.",
    )


def _refuse_absent(path: Path) -> None:
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir() if entry.name.lower().endswith(tuple(FORMATS)))
        raise CheckpointError(
            f"{path} is a folder, not a checkpoint" + (f"; it holds {quote_some(inside)}." if inside else "."),
            hint="Give the file itself.",
        )
    if not path.exists():
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


def _shortened(error: Exception, limit: int = 160) -> str:
    """The first sentence of the reason: libraries write whole paragraphs, unsafe advice among it, and some nothing."""
    words = " ".join(str(error).split()).partition(". ")[0] or type(error).__name__
    return (words if len(words) <= limit else f"{words[:limit]}...").rstrip(". ")
