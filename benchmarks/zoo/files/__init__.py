"""Image classifiers as files: those that packages bring, those that exporters write, and what becomes of these.

Nothing is downloaded, and weights that no package brings are random: see `zoo`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Own = Callable[[NDArray[Any]], NDArray[Any]]
"""The source's own run, on images as the file takes them."""


@dataclass(frozen=True)
class File:
    """An image classifier in ONNX."""

    name: str
    """Such as `torchvision/resnet18-opset11`."""
    origin: str
    """Whose network it is: the group in the table."""
    writer: str
    """What writes the file; for a file that a package brings, that package."""
    packages: tuple[str, ...]
    """The distributions that it takes, of which versions and licences are noted."""
    write: Callable[[Path], Own | None]
    """Writes it; the source's own run, or None where there is no source but the file."""


def files() -> Iterator[File]:
    """All of them, whether what they take is installed or not."""
    from zoo.files import converted, keras_files, packaged, sklearn_files, torch_files

    for module in (packaged, torch_files, keras_files, sklearn_files, converted):
        yield from module.files()
