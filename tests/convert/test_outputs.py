"""Names of what a model gives."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest

from resnet_export.convert.outputs import named_outputs

Pair = namedtuple("Pair", ["one", "other"])


@dataclass
class Result:
    logits: float
    states: Any = None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (1.0, {"output": 1.0}),
        ([1.0, 2, 3.0], {"0": 1.0, "2": 3.0}),
        ({"b": 1.0, "a": (2.0, {"x": 3.0})}, {"b": 1.0, "a.0": 2.0, "a.1.x": 3.0}),
        (Result(1.0, [2.0]), {"logits": 1.0, "states.0": 2.0}),
        (OrderedDict(logits=1.0, loss=None), {"logits": 1.0}),
        (Pair(1.0, 2.0), {"one": 1.0, "other": 2.0}),
        ("text", {}),
        ((), {}),
        (Result, {}),
    ],
)
def test_names(given: object, names: dict[str, float]) -> None:
    found = named_outputs(given, lambda value: isinstance(value, float))
    assert list(found.items()) == list(names.items())
