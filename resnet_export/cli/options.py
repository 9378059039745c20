"""What click lacks: options under headings in the help, and the kinds of values that an export takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from resnet_export.cli.again import ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resnet_export.bench.sampling import Budget

OTHER = "Other"


class GroupedOption(click.Option):
    """An option with the heading that it stands under in the help."""

    def __init__(self, *names: Any, heading: str = OTHER, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.heading = heading


class GroupedOptions(click.Command):
    """A command whose help shows the options under their headings, in the order of their definition."""

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
    """An option that there was: whoever gives it is told what to write instead."""

    def refuse(context: click.Context, parameter: click.Parameter, given: bool) -> None:
        if given:
            raise click.UsageError(f"There is no {name} any more; write {instead}.", context)

    return click.option(name, is_flag=True, hidden=True, expose_value=False, callback=refuse)


def duration(heading: str, default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--seconds` and `--quick`, of a command that measures; `budget_of` reads them.

    Args:
        heading: that they stand below.
        default: seconds, where neither is given.
    """
    told = f"For all of it together.  [default: {default}]"

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = removed("--mlperf", "--seconds 600")(command)
        command = option("--quick", heading=heading, is_flag=True, help="Means --seconds 10.")(command)
        return option("--seconds", heading=heading, type=Whole(5), metavar="N", help=told)(command)

    return add


def budget_of(seconds: int | None, *, quick: bool) -> Budget | None:
    """What was given of `duration`; None where nothing was.

    Raises:
        UsageError: both were.
    """
    from resnet_export.bench import sampling
    from resnet_export.errors import UsageError

    if quick and seconds is not None:
        raise UsageError("--quick and --seconds exclude each other.", hint="Give one of them.")
    if quick:
        return sampling.QUICK
    return None if seconds is None else sampling.Budget(float(seconds))


class Whole(click.ParamType):  # type: ignore[type-arg]  # generic in the latest click only
    """A whole number from a least one. `click.IntRange` would repeat the bound on every line of the help."""

    name = "number"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if number < self.least:
            self.fail(f"{value!r} is not a whole number from {self.least}.", param, ctx)
        return number


class OneOf(click.ParamType):  # type: ignore[type-arg]
    """One of a few whole numbers."""

    name = "number"

    def __init__(self, known: Iterable[int]) -> None:
        self.known = tuple(known)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error that lists the known ones."""
        for known in self.known:
            if str(value).strip() == str(known):
                return known
        return self.fail(f"{value!r} is not one of {', '.join(map(str, self.known))}.", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The known numbers that start so."""
        return [CompletionItem(str(known)) for known in self.known if str(known).startswith(incomplete)]


class Batch(click.ParamType):  # type: ignore[type-arg]
    """`dynamic`, which becomes None, or a whole number from 1."""

    name = "batch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The number of images, or None for any."""
        if value == "dynamic":
            return None
        try:
            batch = int(value)
        except ValueError:
            batch = 0
        if batch < 1:
            self.fail(f"{value!r} is neither `dynamic` nor a whole number from 1.", param, ctx)
        return batch

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """`dynamic`."""
        return [CompletionItem("dynamic")] if "dynamic".startswith(incomplete) else []


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Finite numbers with commas between them, one per channel."""

    name = "numbers"

    def __init__(self, *, positive: bool = False) -> None:
        self.positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The numbers as a tuple."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            return self.fail(
                f"{value!r} is not a list of numbers with commas between them, such as 0.485,0.456,0.406.", param, ctx
            )
        if not all(map(math.isfinite, numbers)):
            self.fail(f"{value!r} holds a number that is not finite.", param, ctx)
        if self.positive and min(numbers) <= 0:
            self.fail(f"{value!r} holds a number that is not above 0.", param, ctx)
        return numbers


class Positive(click.ParamType):  # type: ignore[type-arg]
    """A finite number above 0."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is not a number above 0.", param, ctx)
        return number


class FileOr(click.Path):
    """A file, or one of a few names; completes to both."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that start so, then the shell's own completion of files."""
        named = [CompletionItem(name) for name in self.names if incomplete and name.startswith(incomplete)]
        return named or super().shell_complete(ctx, param, incomplete)


class RuntimeName(click.ParamType):  # type: ignore[type-arg]
    """A runtime with its options; what reads them says what is wrong with them."""

    name = "runtime"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The runtimes that start so, third parties' too."""
        from resnet_export.runtimes import TEST_DOUBLES, names

        known = (name for name in names() if name not in TEST_DOUBLES)
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def same_file(first: str, second: str) -> bool:
    """Whether two paths mean the same file, which need not exist."""
    return Path(first).resolve() == Path(second).resolve()
