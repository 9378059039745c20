"""Where results go: stdout and stderr, so that a reader who left early is no error, and files that replace no other."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def say(text: str) -> None:
    """Writes a result to stdout."""
    try:
        click.echo(text)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would print a traceback there.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(path: str, text: str) -> None:
    """Writes a file, whole or not at all.

    Raises:
        UnavailableError: the operating system refused to.
    """
    from resnet_export.files import reported, staged

    with reported(path), staged(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def refuse_outputs(inputs: Iterable[str], outputs: Mapping[str, str | None], *, force: bool) -> None:
    """Finds out before the work, not after, that files cannot be written.

    Args:
        inputs: files that the work reads.
        outputs: option -> the file that it names; None where it wasn't given.
        force: replace what exists.

    Raises:
        UsageError: one would replace a model, an input or another output, or exists, or has no folder.
        UnavailableError: its folder is not writable.
    """
    from resnet_export.cli.options import same_file
    from resnet_export.errors import UsageError
    from resnet_export.files import refuse_overwriting

    taken = list(inputs)
    for option, path in outputs.items():
        if path is None:
            continue
        if path.endswith(".onnx") or any(same_file(path, other) for other in taken):
            raise UsageError(f"{option} {path} would replace another file.", hint="Give it another name.")
        refuse_overwriting(path, force=force, option=option)
        taken.append(path)


def tell(text: str) -> None:
    """Writes a message to stderr."""
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)
