"""A runtime's options: from `name=value` on the command line to a frozen dataclass, and back."""

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal

from resnet_export.errors import UsageError, did_you_mean

WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a runtime that has nothing to choose."""


@dataclasses.dataclass(frozen=True)
class CpuOptions:
    """The options of a runtime that runs on the CPU and has nothing else to choose."""

    threads: int | None = None
    """Threads of one run; None for the runtime's own choice."""


def read_options(kind: type[Any], pairs: Iterable[str], runtime: str) -> Any:
    """An instance of the dataclass `kind`.

    Args:
        kind: the runtime's class of options.
        pairs: such as `threads=2`.
        runtime: its name, for messages.

    Raises:
        UsageError: there is no such option, it is given twice, or the text is none of its values.
    """
    fields, hints = {field.name: field for field in dataclasses.fields(kind)}, typing.get_type_hints(kind)
    given = read_pairs(pairs, runtime, f"Write {runtime},option=value.")
    for name in given:
        if name not in fields:
            hint = f"{did_you_mean(name, fields)}It has: {', '.join(fields) or 'none'}."
            raise UsageError(f"{runtime} has no option {name!r}.", hint=hint)
    return kind(**{name: _value(hints[name], text, f"{runtime},{name}") for name, text in given.items()})


def read_pairs(pairs: Iterable[str], owner: str, hint: str) -> dict[str, str]:
    """Name -> value, from `name=value`; the message names the owner, and the hint says how it is written.

    Raises:
        UsageError: one is no such pair, or a name is given twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, _, value = (part.strip() for part in pair.partition("="))
        if not value:
            raise UsageError(f"{pair.strip()!r} is no option of {owner}.", hint=hint)
        if name in given:
            raise UsageError(f"{owner} is given {name} twice.", hint="Leave out one of them.")
        given[name] = value
    return given


def write_options(options: Any) -> list[str]:
    """The inverse of `read_options`: those that differ from their defaults, in the order of the fields."""
    values = ((field, getattr(options, field.name)) for field in dataclasses.fields(options))
    return [f"{field.name}={_text(value)}" for field, value in values if value != field.default]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _value(hint: Any, text: str, where: str) -> Any:
    """The text as a value of the type `hint`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):  # `int | None`
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is Literal:
        known = [str(value) for value in typing.get_args(hint)]
        if text not in known:
            raise UsageError(f"{where}={text} is none of its values.", hint=f"Choose one of {', '.join(known)}.")
        return typing.get_args(hint)[known.index(text)]
    try:
        value = WORDS[text.lower()] if hint is bool else hint(text)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(hint, hint.__name__)
        raise UsageError(f"{where}={text} is not {kind}.", hint=f"Write {kind} behind {where}=.") from None
    least = 1 if where.endswith(",threads") else 0
    if hint is int and value < least:
        raise UsageError(f"{where}={text} is below {least}.", hint=f"Give a whole number from {least}.")
    return value
