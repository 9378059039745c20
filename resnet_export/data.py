"""Results as data: one encoder and one decoder for every frozen dataclass.

A result is encoded by its fields, and by the properties that its class names in `DERIVED`, so that a number which
follows from others stands in the JSON and can't contradict them. The decoder ignores these, and what it does not know.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from resnet_export.errors import InputError

T = TypeVar("T")


class Plain:
    """Gives a frozen dataclass the method `as_dict`."""

    def as_dict(self) -> dict[str, Any]:
        """The result as plain data: dictionaries, lists, text, numbers, and None. Its keys are documented in docs/."""
        plain: dict[str, Any] = as_plain(self)
        return plain


def as_plain(value: Any) -> Any:
    """The value as plain data. A number that is not finite becomes `inf` or `nan`, as text: JSON has none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str | int | None):
        return value
    if dataclasses.is_dataclass(value):
        names = [*(field.name for field in dataclasses.fields(value)), *getattr(value, "DERIVED", ())]
        return {name: as_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: as_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(entry) for entry in value]
    return as_plain(msgspec.to_builtins(value))


def to_json(result: Any, *, indent: int = 2) -> str:
    """One JSON object in ASCII: a path that is no text can't be encoded otherwise.

    Args:
        result: a frozen dataclass, or plain data.
        indent: blanks for each level; 0 puts all of it in one line, which suits a result with thousands of samples.
    """
    return json.dumps(as_plain(result), indent=indent or None, allow_nan=False)


def from_json(data: bytes | str) -> Any:
    """What JSON says.

    Raises:
        ValueError: it is no JSON, or is nested too deeply to be any.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def decode(kind: type[T], data: bytes | str | Any, what: str, *, hint: str | None = None) -> T:
    """The inverse of `as_plain` and `to_json`.

    Args:
        kind: the dataclass.
        data: JSON, or plain data.
        what: names it in messages, such as `baseline.json`.
        hint: for the error.

    Raises:
        InputError: it is not JSON, a key is missing, or a value has another type; the message names its place.
    """
    try:
        return msgspec.convert(from_json(data) if isinstance(data, bytes | str) else data, kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"{what} can't be read: {error}.", hint=hint) from error
