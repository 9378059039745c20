"""A runtime's options: from `name=value` on the command line to a frozen dataclass."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from resnet_export.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Options = TypeVar("Options")
WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclasses.dataclass(frozen=True)
class CpuOptions:
    """Of a runtime that runs on the CPU and has nothing else to choose."""

    threads: int | None = None
    """Threads of one run; None for the runtime's own choice."""


def read_options(kind: type[Options], given: Mapping[str, str], runtime: str) -> Options:
    """An instance of the dataclass `kind`.

    Args:
        kind: the runtime's class of options.
        given: field -> text.
        runtime: its name, for messages.

    Raises:
        UsageError: there is no such option, or the text is none of its values.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for name in given:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            raise UsageError(
                f"{runtime} has no option {name!r}.",
                hint=f"{f'Did you mean {near[0]}? ' if near else ''}It has: {', '.join(fields) or 'none'}.",
            )
    return kind(**{name: _value(hints[name], text, f"{runtime},{name}") for name, text in given.items()})


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
