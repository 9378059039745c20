"""The state of a training after an epoch, in one file: written whole or not at all, and refused by other settings."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resnet_export.data import Plain, decode, to_json
from resnet_export.errors import CheckpointError, UsageError
from resnet_export.files import reported, staged
from training.loop import State
from training.settings import Settings

HEADER = "training.json"


@dataclass(frozen=True)
class Line(Plain):
    """What is known of an epoch that is done."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over its batches."""
    accuracy: float
    """Share of the augmented pictures whose class was right on the way."""
    test_accuracy: float
    """Share of the test pictures whose class is right after it."""
    seconds: float


@dataclass(frozen=True)
class Header(Plain):
    """What a checkpoint says beside its numbers."""

    settings: Settings
    data: str
    """Digest of the pictures and classes."""
    log: tuple[Line, ...] = ()


def write(path: Path, header: Header, state: State) -> None:
    """Replaces the checkpoint.

    Raises:
        UnavailableError: it can't be written.
    """
    encoded = np.frombuffer(to_json(header, indent=0).encode(), np.uint8)
    with staged(path) as temporary, reported(path), temporary.open("wb") as file:
        np.savez(file, **{HEADER: encoded}, **state)


def read(path: Path, expected: Header) -> tuple[tuple[Line, ...], State]:
    """(the epochs that are done, the state behind them).

    Args:
        path: of the checkpoint.
        expected: the settings and data that it must be of.

    Raises:
        UsageError: there is none, or it is of a training with other settings or data.
        CheckpointError: it can't be read.
    """
    if not path.exists():
        raise UsageError(f"There is no checkpoint {path}.", hint="Leave --resume out to begin.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            state = dict(held)
            header = decode(Header, state.pop(HEADER).tobytes(), str(path))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} can't be read as the checkpoint of a training: {error}.",
            hint="Leave --resume out, and give --force, to begin again.",
        ) from error
    refuse_others(path, header, expected)
    return header.log, state


def refuse_others(path: Path, header: Header, expected: Header) -> None:
    """Refuses to go on with other settings or other pictures.

    Raises:
        UsageError: they differ.
    """
    now, then = expected.settings.as_dict(), header.settings.as_dict()
    differing = [name for name in now if now[name] != then[name]]
    if differing:
        options = ", ".join(f"--{name.replace('_', '-')} {then[name]}" for name in differing)
        raise UsageError(
            f"{path} is of a training with {options}.",
            hint=f"Give {options} with --resume, or leave --resume out and give --force to begin again.",
        )
    if header.data != expected.data:
        raise UsageError(
            f"{path} is of a training on other pictures.",
            hint="Give the --data of that training, or leave --resume out and give --force to begin again.",
        )
