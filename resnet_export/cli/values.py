"""The kinds of values that options take: counts, numbers, durations, shares, runtimes; each says what is wrong."""

import contextlib
import math
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

T = TypeVar("T", int, float)
MS = {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3}
"""Milliseconds in a unit; without one they are milliseconds."""


class Value(click.ParamType):  # type: ignore[type-arg]  # generic in the latest click only
    """A value that a function reads from text; click's own types repeat their bounds on every line of the help.

    Args:
        name: in capitals it stands for the value in the help.
        read: from text to the value; raises `ValueError` with a sentence on what is wrong.
        known: gives the values to complete to.
    """

    def __init__(self, name: str, read: Callable[[str], Any], known: Callable[[], Iterable[str]] = tuple) -> None:
        self.name = name
        self.read = read
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; a default that is no text is one already."""
        try:
            return self.read(value) if isinstance(value, str) else value
        except ValueError as error:
            return self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The known values that start so."""
        return [CompletionItem(known) for known in self.known() if known.startswith(incomplete)]


class FileOr(click.Path):
    """A file, or one of a few names; completes to both."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that start so, then the shell's own completion of files."""
        named = [CompletionItem(name) for name in self.names if incomplete and name.startswith(incomplete)]
        return named or super().shell_complete(ctx, param, incomplete)


def whole(least: int) -> Value:
    """A whole number from a least one."""
    return Value("n", lambda text: _number(text, int, lambda number: number >= least, f"a whole number from {least}"))


def one_of(known: Collection[int]) -> Value:
    """One of a few whole numbers."""
    names = list(map(str, known))
    return Value("n", lambda text: _number(text, int, known.__contains__, f"one of {', '.join(names)}"), lambda: names)


def numbers(*, positive: bool = False) -> Value:
    """Finite numbers with commas between them, one per channel."""
    what = f"a finite number{' above 0' if positive else ''}; give some with commas between them: 0.485,0.456,0.406"

    def good(number: float) -> bool:
        return math.isfinite(number) and (number > 0 or not positive)

    return Value("x,x,x", lambda text: tuple(_number(part, float, good, what) for part in text.split(",")))


def _number(text: str, kind: type[T], good: Callable[[T], bool], what: str) -> T:
    with contextlib.suppress(ValueError):
        number = kind(text)
        if good(number):
            return number
    raise ValueError(f"{text.strip()!r} is not {what}.")


def _batch(text: str) -> int | None:
    """`dynamic`, which becomes None, or a number of images."""
    what = "`dynamic` or a whole number from 1"
    return None if text == "dynamic" else _number(text, int, lambda number: number >= 1, what)


def _measure(text: str, units: Iterable[str], form: str) -> tuple[float, str]:
    """(number, unit)."""
    found = re.fullmatch(rf"\s*(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(units)})\s*", text)
    if found is None or not math.isfinite(float(found[1])):
        raise ValueError(f"{text!r} is not {form}.")
    return float(found[1]), found[2]


def _duration(text: str) -> float:
    number, unit = _measure(text, MS, "a duration such as 50ms or 0.05s")
    return number * MS[unit]


def _share(text: str) -> float:
    number, unit = _measure(text, ("", "%"), "a share such as 5% or 0.05")
    if number > 1 and not unit:
        raise ValueError(f"{text} is {number:.0%}. Write {text}% if that is meant.")
    return number / (100 if unit else 1)


def _size(text: str) -> int | tuple[int, int]:
    """`224`, or `96x64`: height and width."""
    height, by, width = text.partition("x")
    return (COUNT.read(height), COUNT.read(width)) if by else COUNT.read(height)


def _points(text: str) -> float:
    number, _ = _measure(text, ("", "%"), "a number of points such as 0.3")
    return number / 100


def _runtimes() -> list[str]:
    """The names of all runtimes, third parties' too."""
    from resnet_export.runtimes import TEST_DOUBLES, names

    return [name for name in names() if name not in TEST_DOUBLES]


COUNT = whole(1)
COUNTS = Value("n[,n...]", lambda text: tuple(map(COUNT.read, text.split(","))))
BATCH = Value("dynamic|n", _batch, lambda: ("dynamic",))
SIZE = Value("pixels", _size)
POSITIVE = Value("x", lambda text: _number(text, float, lambda number: 0 < number < math.inf, "a number above 0"))
DURATION = Value("time", _duration)
"""`50ms`, `0.05s`, `800us` or `50`; in milliseconds."""
DURATIONS = Value("time[,time...]", lambda text: tuple(map(_duration, text.split(","))))
"""`0,1ms,1s`; in milliseconds."""
SHARE = Value("share", _share)
"""`5%` or `0.05`, as a fraction of 1."""
POINTS = Value("points", _points)
"""`0.3` or `0.3%`, in points of accuracy, as a fraction of 1."""
RUNTIME = Value("name[,option=value...]", str, _runtimes)
"""A runtime with its options; what reads them says what is wrong with them."""
