"""What click lacks: options under headings in the help, and options that were removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resnet_export.cli.again import ARGUMENTS
from resnet_export.cli.values import whole
from resnet_export.errors import UsageError

if TYPE_CHECKING:
    from resnet_export.bench.sampling import Budget

OTHER = "Other"


class GroupedOption(click.Option):
    """An option with the heading that it stands under in the help."""

    def __init__(self, *names: Any, heading: str = OTHER, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.heading = heading


class GroupedOptions(click.Command):
    """A command whose help shows the options under their headings, in the order of their definition."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses; a missing value of an option is an error of this command, which click forgets."""
        with click.core.augment_usage_errors(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one section per heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            # The latest click has a row for an argument too, which the usage line and the text tell of already.
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "heading", OTHER), []).append(record)
        for heading in sorted(sections, key=lambda heading: heading == OTHER):
            with formatter.section(heading):
                formatter.write_dl(sections[heading], col_max=26)


class GroupedCommand(GroupedOptions):
    """A command that is no group, and remembers its words, which `again` can give back."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses, once the words are kept."""
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


def option(*names: str, heading: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`click.option` with a heading."""
    return click.option(*names, cls=GroupedOption, heading=heading, **settings)


def removed(name: str, instead: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that there was, with or without a value: the error says what to write instead."""

    def refuse(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
        if given is not None:
            raise click.UsageError(f"There is no {name} any more; write {instead}.", context)

    return click.option(name, is_flag=False, flag_value="", hidden=True, expose_value=False, callback=refuse)


def options_given(context: click.Context) -> list[tuple[str, str]]:
    """(name of the parameter, the option) of each that stands on the command line."""
    return [
        (parameter.name, max(parameter.opts, key=len))
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def duration(heading: str, default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--seconds` and `--quick`, of a command that measures; `budget_of` reads them.

    Args:
        heading: that they stand below.
        default: seconds, where neither is given.
    """
    words = f"For all of it together.  [default: {default}]"

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = removed("--mlperf", "--seconds 600")(command)
        command = option("--quick", heading=heading, is_flag=True, help="Means --seconds 10.")(command)
        return option("--seconds", heading=heading, type=whole(5), help=words)(command)

    return add


def budget_of(seconds: int | None, *, quick: bool) -> Budget | None:
    """What was given of `duration`; None where nothing was.

    Raises:
        UsageError: both were.
    """
    from resnet_export.bench import sampling

    if quick and seconds is not None:
        raise UsageError("--quick and --seconds exclude each other.", hint="Give one of them.")
    if quick:
        return sampling.QUICK
    return None if seconds is None else sampling.Budget(float(seconds))
