"""Train a ResNet in Keras or in PyTorch, the same way in both, and write a file that `resnet-export` reads.

    python tools/train.py --framework torch --data fashion-mnist
    resnet-export resnet18.safetensors

The file holds the names of the classes, the size of the pictures, and their mean and deviation, so that the export
needs no options. `docs/train.md` is the guide.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from training.checkpoint import Line
from training.data import DATASETS, load
from training.run import Files, train
from training.schedule import SCHEDULES
from training.settings import AUGMENTATIONS, FRAMEWORKS, OPTIMIZERS, Settings

from resnet_export import interruption
from resnet_export.cli.failing import reported
from resnet_export.errors import UsageError
from resnet_export.files import refuse_overwriting
from resnet_export.spec import STEMS, VARIANTS

SMALLEST_FOR_IMAGENET = 128
"""Pixels of a side from which on the stem is that of ImageNet, where none is given."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--framework", type=click.Choice(list(FRAMEWORKS)), required=True)
@click.option("--data", "name", required=True, help=f"{', '.join(DATASETS)}, or a folder of class folders.")
@click.option("--data-folder", type=click.Path(path_type=Path), help="Where the files of a named data set are.")
@click.option("--image-size", type=click.IntRange(8), help="Pixels of a side, for a folder.  [default: 64]")
@click.option("--first", type=click.IntRange(2), help="Take so many pictures of the training only.")
@click.option("--depth", type=click.Choice([str(depth) for depth in VARIANTS]), default="18")
@click.option("--width", type=click.IntRange(1), default=16, help="Channels behind the stem; 64 in the paper.")
@click.option("--stem", type=click.Choice(STEMS), help="[default: cifar below 128 pixels, else imagenet]")
@click.option("--epochs", type=int, default=Settings.epochs)
@click.option("--batch-size", type=int, default=Settings.batch_size)
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), default=Settings.optimizer)
@click.option("--learning-rate", type=float, help="The highest.  [default: 0.003, 0.001 or 0.1 by the optimizer]")
@click.option("--schedule", type=click.Choice(SCHEDULES), default=Settings.schedule)
@click.option("--augment", type=click.Choice(AUGMENTATIONS), help="[default: flip+crop; crop for digits]")
@click.option("--weight-decay", type=float, default=Settings.weight_decay, help="Of kernels; decoupled, as in AdamW.")
@click.option("--label-smoothing", type=float, default=Settings.label_smoothing)
@click.option("--seed", type=int, default=Settings.seed)
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto")
@click.option("--resume", is_flag=True, help="Go on with the checkpoint behind the last epoch.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: resnet<depth> with its suffix]")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool, **options: Any) -> None:
    """Train a ResNet in Keras or in PyTorch, and write it with all that its export needs."""
    with reported(debug=debug):
        _train(**options)


def _train(
    framework: str,
    name: str,
    data_folder: Path | None,
    image_size: int | None,
    first: int | None,
    depth: str,
    learning_rate: float | None,
    stem: str | None,
    augment: str | None,
    resume: bool,
    device: str,
    output: Path | None,
    force: bool,
    **options: Any,
) -> None:
    files = Files(output or Path(f"resnet{depth}{FRAMEWORKS[framework][0]}"))
    _refuse_output(files, framework, resume=resume, force=force)
    data = load(name, data_folder, image_size)
    data = data if first is None else data.first(first)
    settings = Settings(
        framework=framework,
        depth=int(depth),
        stem=stem or ("cifar" if data.images.shape[1] < SMALLEST_FOR_IMAGENET else "imagenet"),
        learning_rate=OPTIMIZERS[options["optimizer"]] if learning_rate is None else learning_rate,
        augment=augment or ("flip+crop" if data.mirrored else "crop"),
        **options,
    )
    interruption.explain(lambda: _what_is_left(files))
    lines = train(
        settings, data, files, resume=resume, device=device, shown=lambda *epoch: _shown(settings, *epoch), tell=_tell
    )
    click.echo(
        f"{files.output}: {lines[-1].test_accuracy:.2%} of {len(data.test_images)} test pictures right, "
        f"{sum(line.seconds for line in lines):.0f} s; log in {files.log}, curve in {files.curve}"
    )


def _refuse_output(files: Files, framework: str, *, resume: bool, force: bool) -> None:
    """Finds out before the work what would be in its way."""
    known = FRAMEWORKS[framework]
    if files.output.suffix not in known:
        raise UsageError(
            f"A network of {framework} isn't written as {files.output}.",
            hint=f"Give a name that ends in {' or '.join(known)} with --output.",
        )
    refuse_overwriting(files.output, force=force)
    if files.checkpoint.exists() and not resume and not force:
        raise UsageError(
            f"{files.checkpoint} is of a training that did not end.",
            hint="Give --resume to go on with it, or --force to begin again.",
        )


def _what_is_left(files: Files) -> str:
    if files.checkpoint.exists():
        return f"{files.checkpoint} has the epochs that are done, and --resume goes on from there"
    return "no epoch was done, and nothing was written"


@contextlib.contextmanager
def _shown(settings: Settings, number: int, steps: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, where a person sees it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"epoch {number} of {settings.epochs}", total=steps)
        yield lambda: progress.advance(task)


def _tell(line: Line) -> None:
    click.echo(
        f"epoch {line.epoch:2}   loss {line.loss:.4f}   training {line.accuracy:.2%}   test {line.test_accuracy:.2%}"
        f"   {line.seconds:.1f} s",
        err=True,
    )


if __name__ == "__main__":
    interruption.guard(main)
