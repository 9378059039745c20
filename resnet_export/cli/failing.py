"""From an exception to what the user reads, and to the exit code."""

import contextlib
import errno
import traceback
from collections.abc import Iterator

import click

from resnet_export import interruption
from resnet_export.cli.streams import tell
from resnet_export.error_text import NO_MEMORY
from resnet_export.errors import InputError, ParityError, ResNetExportError, StructureError, UnavailableError
from resnet_export.terminal import shortened

UNEXPECTED = 1
LONGEST_NAME = 60
"""Characters of a file's name that no system takes."""


@contextlib.contextmanager
def reported(*, debug: bool) -> Iterator[None]:
    """Runs a command: what it raises becomes a message on stderr and an exit code, and a traceback only to `debug`."""
    try:
        interruption.explain()
        yield
    except (click.exceptions.Exit, click.Abort):
        raise
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        advice = [] if context is None else [f"See: {context.command_path} --help"]
        tell("\n".join([f"error: {error.format_message()}", *advice]))
        raise click.exceptions.Exit(error.exit_code) from error
    except (Exception, KeyboardInterrupt) as error:
        before = ["".join(traceback.format_exception(error)).rstrip()] if debug else []
        if isinstance(error, KeyboardInterrupt) or (interruption.came() and not isinstance(error, ResNetExportError)):
            interruption.tell(*before)
            raise click.exceptions.Exit(interruption.EXIT_CODE) from error
        lines, code = describe(error, debug=debug)
        tell("\n".join([*before, *lines]))
        raise click.exceptions.Exit(code) from error


def describe(error: BaseException, *, debug: bool = False) -> tuple[list[str], int]:
    """The lines that a user reads of an error, and the exit code."""
    if isinstance(error, MemoryError) or (
        not isinstance(error, ResNetExportError) and NO_MEMORY.search(str(error)) is not None
    ):
        return [
            "error: the memory of this machine does not suffice for it; nothing was written.",
            "Export a smaller network, or on a machine with more memory.",
        ], UnavailableError.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        name = shortened(str(error.filename), LONGEST_NAME)
        return [f"error: {name}: {error.strerror}.", "Give a shorter name."], InputError.exit_code
    if not isinstance(error, ResNetExportError):
        what = " ".join(str(error).split())
        advice = "report it" if debug else "run again with --debug for the traceback, and report it"
        return [f"unexpected error: {type(error).__name__}{': ' if what else ''}{what}; {advice}"], UNEXPECTED
    lines = [f"error: {error.message}", *_findings(error)]
    return lines if error.hint is None else [*lines, error.hint], error.exit_code


def _findings(error: ResNetExportError) -> list[str]:
    """What a failed check found beyond what its message says."""
    if isinstance(error, StructureError) and error.cause:
        return [f"Likely cause: {error.cause}."]
    if not isinstance(error, ParityError) or getattr(error.report, "verification", None) is None:
        return []
    from resnet_export.report.verify.summary import findings

    return [line for line in findings(error.report.verification) if line.strip(" .") not in error.message]
