"""The command that was given, with other options: advice that can be pasted into a shell."""

import re
import shlex
from collections.abc import Iterator

import click

ARGUMENTS = "resnet_export.arguments"
"""Key of `click.Context.meta`: what stood behind the command's name."""
NOT_AGAIN = ("output", "force")
"""What would be in the way the second time, since the files are there."""
SAME = {"seconds": ("seconds", "quick")}
"""Option -> those that it takes the place of, where they aren't only itself."""


def again(ctx: click.Context, options: str) -> str:
    """The command with these options in place of its own.

    Of a plan in a file, only the time is an option; anything else is said to belong into the file.

    Args:
        ctx: of a command that is a `GroupedCommand`.
        options: such as `--threads 2 --seconds 180`; empty for none.
    """
    added = [pair.split() for pair in re.findall(r"--\S+ \S+", options)]
    plan = ctx.params.get("plan")
    keys = [] if plan is None else [pair for pair in added if pair[0] != "--seconds"]
    words = _given(ctx, {name.removeprefix("--") for name, _ in added})
    for name, value in added:
        if name == "--threads" and any(",threads=" in word for word in words):
            words = [re.sub(r",threads=\d+", f",threads={value}", word) for word in words]
        elif [name, value] not in keys:
            words += [name, value]
    command = shlex.join(["resnet-export", "bench", *words])
    written = " and ".join(f"{name.removeprefix('--')} = [{value}]" for name, value in keys)
    return f"{command}  # with {written} in {plan}" if keys else command


def _given(ctx: click.Context, replaced: set[str]) -> list[str]:
    """The words of the command, but for options that are replaced."""
    gone = {*NOT_AGAIN, *(old for name in replaced for old in SAME.get(name, (name,)))}
    values, _, order = ctx.command.make_parser(ctx).parse_args(list(ctx.meta[ARGUMENTS]))
    words: list[str] = []
    for parameter in sorted(dict.fromkeys(order), key=lambda one: one.param_type_name != "argument"):
        if parameter.name is not None and parameter.name not in gone:
            words += _spelled(parameter, values[parameter.name])
    return words


def _spelled(parameter: click.Parameter, value: object) -> Iterator[str]:
    """An argument's words, or an option as often as it was given."""
    name = max(parameter.opts, key=len)
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, str):
            yield from [one] if parameter.param_type_name == "argument" else [name, one]
        elif one is True:  # a flag; what was not given is click's own affair
            yield name
