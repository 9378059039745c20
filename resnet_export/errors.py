"""The exception tree: every error that a user can meet, with its exit code.

| exit code | meaning                                             | exception                |
|-----------|-----------------------------------------------------|--------------------------|
| 1         | a check failed                                      | `ParityError`            |
| 2         | usage                                               | `UsageError`             |
| 3         | bad input: a file, a checkpoint, an image           | `InputError`             |
| 4         | an optional part is missing                         | `MissingDependencyError` |
| 5         | the environment cannot do it: memory, disk, device  | `UnavailableError`       |
| 6         | it can't be told: the data don't decide it          | `UndecidedError`         |

A message says what was asked and what is there; the hint says what to do next.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

__all__ = [
    "CheckpointError",
    "ImageError",
    "InputError",
    "LabelsError",
    "MissingDependencyError",
    "ModelError",
    "NotApplicableError",
    "ParityError",
    "ResNetExportError",
    "RuntimeCrashedError",
    "RuntimeFailedError",
    "SpecificationError",
    "StructureError",
    "UnavailableError",
    "UndecidedError",
    "UsageError",
]


class ResNetExportError(Exception):
    """Base class of all errors that this package raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class ParityError(ResNetExportError):
    """The file, or the model that it came from, is not the network of the specification.

    Attributes:
        report: the `ExportReport` of the refused export, or None when it was refused before any check ran.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, report: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.report = report


class StructureError(ParityError):
    """A graph is not the graph of its specification.

    Attributes:
        layer: the first step of the specification that the graph does not have.
        detail: what the graph has instead.
        cause: the mistake that this is the mark of, in words, where it is a known one.
    """

    def __init__(self, layer: str, message: str, *, cause: str | None = None) -> None:
        super().__init__(f"{layer}: {message}")
        self.layer = layer
        self.detail = message
        self.cause = cause


class UsageError(ResNetExportError, ValueError):
    """An option or argument that cannot be meant as it was given."""

    exit_code = 2


class SpecificationError(UsageError):
    """A `ResNetSpec` with a value outside its range."""


class InputError(ResNetExportError, ValueError):
    """A file that was given cannot be used."""

    exit_code = 3


class CheckpointError(InputError):
    """A checkpoint is missing, damaged, unsafe, or holds another network."""


class ModelError(InputError):
    """An ONNX file is missing, damaged, or not one of this project's."""


class NotApplicableError(ModelError):
    """A runtime is of a kind that cannot run the file, whatever the file's state."""


class RuntimeFailedError(ResNetExportError):
    """A runtime opened the file, and failed while running it."""


class RuntimeCrashedError(RuntimeFailedError):
    """The process of a runtime died, or hung and was ended.

    Attributes:
        log: the last lines that it printed.
        signal: the name of the signal that ended it, such as `SIGSEGV`; None where there was none.
        hung: whether it gave no sign of life for too long.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        log: Sequence[str] = (),
        signal: str | None = None,
        hung: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.log, self.signal, self.hung = tuple(log), signal, hung


class LabelsError(InputError):
    """A labels file does not fit the network."""


class ImageError(InputError):
    """A picture, or a folder of pictures, cannot be used."""


class MissingDependencyError(ResNetExportError, ImportError):
    """A package that the request needs is not installed, or is a release known to be wrong."""

    exit_code = 4


class UnavailableError(ResNetExportError, RuntimeError):
    """This machine cannot do what was asked: disk, memory, permission or device."""

    exit_code = 5


class UndecidedError(ResNetExportError):
    """A comparison that the data don't decide: neither passed nor failed."""

    exit_code = 6


def kind_of(exit_code: int) -> type[ResNetExportError]:
    """The errors that lead to an exit code."""
    kinds = (ResNetExportError, UsageError, InputError, MissingDependencyError, UnavailableError, UndecidedError)
    return next(kind for kind in kinds if kind.exit_code == exit_code)


def quote_some(names: Iterable[str], limit: int = 3) -> str:
    """The first `limit` names in quotes, and how many more there are: "'a', 'b', 'c' and 4 more"."""
    return and_more(map(repr, names), limit)


def and_more(names: Iterable[str], limit: int = 3, separator: str = ", ") -> str:
    """The first `limit` names, and how many more there are: `a, b, c and 4 more`."""
    listed = list(names)
    shown = separator.join(listed[:limit])
    return shown if len(listed) <= limit else f"{shown} and {len(listed) - limit} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean batch? `, or nothing where no name is near."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}? " if near else ""
