"""Stdout and stderr, on which a reader who left early is no error."""

import contextlib
import os
import sys

import click


def say(text: str) -> None:
    """Writes a result to stdout."""
    try:
        click.echo(text)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would print a traceback there.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """Writes a message to stderr."""
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)
