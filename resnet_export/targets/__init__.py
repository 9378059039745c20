"""Files as artefacts of other runtimes: one module a target, whose `write(file, folder)` gives the artefact's path.

A runtime opens an artefact that exists, or converts a file in a temporary folder: both through `artefact_of`.
"""

import contextlib
import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIXES = {"litert": ".tflite", "mnn": ".mnn", "ncnn": ".param", "openvino": ".xml"}
"""Target -> how the names of its artefacts end."""


def write(target: str, file: Path, folder: Path, **options: Any) -> Path:
    """Converts a file.

    Args:
        target: one of `SUFFIXES`, which is the name of its module.
        file: the `.onnx` file.
        folder: where the artefact goes. It exists.
        options: of the target.

    Returns:
        The artefact's path; what belongs to it is beside it.

    Raises:
        MissingDependencyError: the converter is not installed.
        ModelError: it cannot convert the file.
        NotApplicableError: the file is of a kind that the target cannot hold.
    """
    made: Path = importlib.import_module(f"{__name__}.{target}").write(file, folder, **options)
    return made


def is_artefact(target: str, path: Path) -> bool:
    """Whether a file is an artefact of the target already, by its name."""
    return path.suffix == SUFFIXES[target]


@contextlib.contextmanager
def artefact_of(target: str, path: Path, **options: Any) -> Iterator[Path]:
    """The artefact of a file, which is gone on leaving; `path` itself where it is an artefact. Errors as of `write`."""
    if is_artefact(target, path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield write(target, path, Path(folder), **options)
