"""The command line: parse, call, print, exit code.

`resnet-export` without a sub-command means `resnet-export export`. What `--help` needs is click and the standard
library; everything heavier is imported by the command that runs.
"""

import atexit
import contextlib
import gc
import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from resnet_export import __version__
from resnet_export.cli.bench import bench
from resnet_export.cli.completion import completion
from resnet_export.cli.deploy import deploy
from resnet_export.cli.doctor import doctor
from resnet_export.cli.evaluate import evaluate
from resnet_export.cli.export import PACKAGES, PUBLISHED, export
from resnet_export.cli.failing import reported
from resnet_export.cli.inspect import inspect
from resnet_export.cli.options import GroupedOptions, options_given
from resnet_export.cli.predict import predict
from resnet_export.cli.quantize import quantize
from resnet_export.cli.score import score
from resnet_export.cli.sources import sources
from resnet_export.cli.verify import verify

PROGRAM = "resnet-export"


class Root(GroupedOptions, click.Group):
    """The group: it has the options of `export`, and its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options under their headings, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the options; `resnet-export SOURCE ...` means `resnet-export export SOURCE ...`."""
        first = _first_argument(ctx, args)
        if first is not None and first not in self.commands and _names_source(first):
            args = ["export", *args]
        return super().parse_args(ctx, args)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parses the command line; an interruption is reported as a command's own is."""
        with reported(debug=False):
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, likewise."""
        with reported(debug=False):
            return super().invoke(ctx)


@click.group(
    cls=Root,
    name=PROGRAM,
    invoke_without_command=True,
    params=[parameter for parameter in export.params if isinstance(parameter, click.Option)],
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Convert a trained image classifier from PyTorch or Keras to one ONNX file, and prove that it is the same.

    Without a command, `export` runs. `{PROGRAM} COMMAND --help` describes the other commands.

    \b
    From a checkpoint to predictions:
      {PROGRAM} best.ckpt --labels labels.txt --output resnet.onnx
      {PROGRAM} predict resnet.onnx cat.jpg
      {PROGRAM} evaluate resnet.onnx --data val/
      {PROGRAM} bench resnet.onnx --quick
      {PROGRAM} quantize resnet.onnx --calibrate photos/ --output int8.onnx
      {PROGRAM} deploy int8.onnx --target node --output bundle/
      {PROGRAM} score int8.onnx photos/ --output predictions/
    """,
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def root(context: click.Context, /, **options: Any) -> None:
    """Exports, unless a command follows."""
    if context.invoked_subcommand is None:
        context.invoke(export, source=None, **options)
    else:
        _refuse_options_before(context, context.invoked_subcommand)


for command in (
    export, predict, evaluate, bench, quantize, deploy, score, verify, inspect, doctor, sources, completion,
):  # fmt: skip
    root.add_command(command)


def main() -> None:
    """Runs the command line; leaves with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A path or a class name must not end a finished export just because the terminal cannot show it.
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")
    # At exit Python collects garbage once more: a second and more of the frameworks' objects, freed anyway.
    atexit.register(gc.freeze)
    root.main(prog_name=PROGRAM)


def _first_argument(context: click.Context, args: list[str]) -> str | None:
    """The first word that is neither an option nor the value of one."""
    parser = export.make_parser(context)
    parser.ignore_unknown_options, parser.allow_interspersed_args = True, False
    with contextlib.suppress(click.UsageError):
        found, _, _ = parser.parse_args([arg for arg in args if arg not in ("-h", "--help", "--version")])
        source = found.get("source")
        return source if isinstance(source, str) else None
    return None


def _names_source(word: str) -> bool:
    """Whether a word is a file or published weights, and no misspelt command."""
    return (
        word in PUBLISHED
        or word.startswith(PACKAGES)
        or Path(word).exists()
        or bool(Path(word).suffix)
        or os.sep in word
    )


def _refuse_options_before(context: click.Context, command: str) -> None:
    """An option before the command would be parsed and then silently left aside."""
    for _, option in options_given(context):
        raise click.UsageError(f"{option} stands before the command; write: {PROGRAM} {command} ... {option} ...")
