"""The grammar of output: the options that all commands share, and what becomes of a result.

A command that makes a result has `--output FILE`, as often as forms are wanted: the suffix chooses the form. One that
makes a file has `--report FILE` for the report on it. `--json`, `--csv` and `--markdown` print that one thing.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from resnet_export.cli import failing
from resnet_export.cli.chatter import held_back
from resnet_export.cli.options import option
from resnet_export.cli.progress import Progress
from resnet_export.cli.streams import say
from resnet_export.errors import UsageError
from resnet_export.files import refuse_overwriting, reported, staged
from resnet_export.report.kit import formats

HEADING = "Output"
PRINTED = {
    "json": "Print the result as one JSON object.",
    "csv": "Print it as comma-separated values.",
    "markdown": "Print it as a table for GitHub.",
}
"""Form that an option prints -> help."""


@dataclass(frozen=True)
class Output:
    """Where a command's result goes, and what is shown meanwhile, as its options say."""

    option: str
    """Names the files."""
    files: Mapping[str, str]
    """File -> its form."""
    force: bool
    """Whether a file that exists may be replaced."""
    form: str
    """The form that goes to stdout."""
    verbose: bool

    @property
    def forms(self) -> set[str]:
        """All forms that are wanted, that of stdout too."""
        return {self.form, *self.files.values()}

    def refuse(self, *inputs: str | None) -> None:
        """Finds out before the work, not after, that a file cannot be written.

        Args:
            inputs: files that the command reads, or makes; None where one isn't given.

        Raises:
            UsageError: one would replace a model, an input or another one, or exists, or has no folder.
            UnavailableError: its folder is not writable.
        """
        taken = {Path(path).resolve() for path in inputs if path is not None}
        for path in self.files:
            if Path(path).resolve() in taken:
                raise UsageError(f"{self.option} {path} would replace another file.", hint="Give it another name.")
            refuse_overwriting(path, force=self.force, option=self.option)
            taken.add(Path(path).resolve())

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """While it lasts what libraries print is held back; gives what shows the stages on stderr."""
        with held_back(verbose=self.verbose) as stderr:
            yield Progress(stderr, verbose=self.verbose)

    def show(self, result: Any, **options: Any) -> None:
        """Prints the result and writes the files.

        Args:
            result: of a class in the registry of formats.
            options: of the function that renders text.
        """
        say(formats.render(result, self.form, **(options if self.form == formats.TEXT else {})))
        self.write(result)

    def write(self, result: Any) -> None:
        """Writes the files alone."""
        for path, form in self.files.items():
            write(path, formats.render(result, form))


def output_options(
    subject: str, *, files: str = "--output", verbose: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options for its output, and hands them over as one argument `out`, an `Output`.

    The command runs within `failing.reported`: what it raises becomes a message and an exit code.

    Args:
        subject: name of the result's class in the registry of formats.
        files: `--output` where the result is what the command makes, else `--report`.
        verbose: help of `--verbose`; None for a command without it.
    """
    printed = [form for form in PRINTED if form in formats.RENDERERS[subject]]
    file_help = f"Write the result; the suffix chooses the form: {', '.join(formats.suffixes(subject))}."
    names = [files, "-o"] if files == "--output" else [files]
    switches: list[tuple[list[str], str]] = [
        (["--force"], "Replace files that exist."),
        *(([f"--{form}", f"as_{form}"], PRINTED[form]) for form in printed),
        *([] if verbose is None else [(["--verbose", "-v"], verbose)]),
        (["--debug"], "Show the traceback of an error."),
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(*arguments: Any, debug: bool, verbose: bool = False, force: bool = False, **values: Any) -> None:
            with failing.reported(debug=debug):
                form = _printed([form for form in printed if values.pop(f"as_{form}")])
                paths = {path: formats.form_of(path, subject, files) for path in values.pop(files.lstrip("-"))}
                command(*arguments, out=Output(files, paths, force, form, verbose), **values)

        wrapped: Callable[..., None] = run
        for given, words in reversed(switches):
            wrapped = option(*given, heading=HEADING, is_flag=True, help=words)(wrapped)
        add = option(*names, heading=HEADING, type=click.Path(), multiple=True, metavar="FILE", help=file_help)
        return add(wrapped)

    return decorate


def _printed(forms: list[str]) -> str:
    """The one form that goes to stdout."""
    if len(forms) > 1:
        names = " and ".join(f"--{form}" for form in forms)
        raise UsageError(f"{names} exclude each other.", hint="Give one of them; --output takes them all.")
    return forms[0] if forms else formats.TEXT


def write(path: str, text: str) -> None:
    """Writes a file, whole or not at all; it ends with a line end.

    Raises:
        UnavailableError: the operating system refused to.
    """
    with reported(path), staged(path) as temporary:
        temporary.write_text(f"{text.rstrip()}\n", encoding="utf-8")
