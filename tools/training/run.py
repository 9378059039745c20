"""A training from its first epoch, or from a checkpoint, to the file that `resnet-export` reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.description import Description
from training import checkpoint, loop
from training.checkpoint import Header, Line
from training.data import Data
from training.report import write_curve, write_log
from training.settings import Settings

EpochShown = Callable[[int, int], AbstractContextManager[Callable[[], None]]]
"""Entered around an epoch with its number and its steps; gives what is called behind each step."""


@dataclass(frozen=True)
class Files:
    """What a training writes."""

    output: Path

    @property
    def checkpoint(self) -> Path:
        """Removed when the output is there."""
        return self.output.with_name(f"{self.output.name}.checkpoint")

    @property
    def log(self) -> Path:
        """A line for each epoch."""
        return self.output.with_suffix(".csv")

    @property
    def curve(self) -> Path:
        """The log as a drawing."""
        return self.output.with_suffix(".svg")


def train(
    settings: Settings,
    data: Data,
    files: Files,
    *,
    resume: bool = False,
    device: str = "auto",
    shown: EpochShown,
    tell: Callable[[Line], None],
) -> tuple[Line, ...]:
    """Trains a network, and writes it with all that its export needs.

    Args:
        settings: what to do.
        data: on which pictures.
        files: what is written.
        resume: go on with the checkpoint.
        device: `cpu`, `gpu`, or `auto` for the one that the framework takes.
        shown: the progress of an epoch.
        tell: is called with each epoch that is done.

    Raises:
        UsageError: there is no checkpoint, or one of another training.
        CheckpointError: it can't be read; or the training diverged.
        UnavailableError: a file can't be written, or there is no such device.
    """
    header = Header(settings, data.digest)
    lines, state = checkpoint.read(files.checkpoint, header) if resume else ((), None)
    spec = specification(settings, data)
    running = loop.start(Weights.initial(spec, settings.seed), settings, device)
    if state is not None:
        running.restore(state)
    for number in range(len(lines), settings.epochs):
        began = time.perf_counter()
        epoch = loop.Epoch(data, settings, number)
        with shown(number + 1, len(epoch)) as advance:
            loss, accuracy = running.train(epoch, advance)
        tested = loop.accuracy(running, data)
        line = Line(number + 1, loss, accuracy, tested, time.perf_counter() - began)
        lines = (*lines, line)
        checkpoint.write(files.checkpoint, replace(header, log=lines), running.state())
        write_log(files.log, lines)
        tell(line)
    save(running.weights(), files.output, Description(spec, data.preparation, data.classes))
    write_curve(files.curve, lines)
    files.checkpoint.unlink(missing_ok=True)
    return lines


def specification(settings: Settings, data: Data) -> ResNetSpec:
    """The network for the pictures."""
    return ResNetSpec(
        depth=settings.depth,
        num_classes=len(data.classes),
        in_channels=data.images.shape[-1],
        image_size=data.images.shape[1],
        width=settings.width,
        stem=settings.stem,  # type: ignore[arg-type]  # which ResNetSpec checks
    )


def save(weights: Weights, path: Path, description: Description) -> None:
    """Writes the network in the format of the file's name."""
    if path.suffix == ".keras":
        from resnet_export.models import keras

        keras.save(weights, path, description)
    else:
        weights.save(path, description)
