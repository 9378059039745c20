"""What a model gives, whichever container it comes in: names and tensors."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

ALONE = "output"
"""Name of a tensor that a model gives without a container."""


def named_outputs(given: Any, is_wanted: Callable[[Any], bool]) -> dict[str, Any]:
    """The tensors that count in what a model gave: a tensor, or any nest of mappings, dataclasses, tuples and lists.

    Keys of dictionaries and fields of dataclasses are names, positions of a tuple are numbers, and those of nested
    containers are joined by dots: `hidden_states.0`.
    """
    return {name or ALONE: value for name, value in _leaves("", given) if is_wanted(value)}


def _leaves(name: str, given: Any) -> Iterator[tuple[str, Any]]:
    children = _children(given)
    if children is None:
        yield name, given
        return
    for key, child in children.items():
        yield from _leaves(f"{name}.{key}" if name else str(key), child)


def _children(given: Any) -> Mapping[Any, Any] | None:
    if isinstance(given, Mapping):
        return given
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    if isinstance(given, tuple) and hasattr(given, "_fields"):  # a named tuple
        return dict(zip(given._fields, given, strict=True))
    return dict(enumerate(given)) if isinstance(given, tuple | list) else None
