"""The numbers that a benchmark takes on the command line: counts, durations, shares."""

from __future__ import annotations

import math
import re
from typing import Any

import click

MS = {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3}
"""Milliseconds in a unit; without one they are milliseconds."""


class Counts(click.ParamType):  # type: ignore[type-arg]  # generic in the latest click only
    """Whole numbers from 1 with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers as a tuple."""
        if isinstance(value, tuple):
            return value
        numbers = []
        for part in str(value).split(","):
            if not part.strip().isdecimal() or int(part) < 1:
                self.fail(f"{part.strip()!r} is not a whole number from 1.", param, ctx)
            numbers.append(int(part))
        return tuple(numbers)


class Duration(click.ParamType):  # type: ignore[type-arg]
    """`50ms`, `0.05s`, `800us` or `50`, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """In milliseconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|)\s*", str(value))
        if found is None or not math.isfinite(duration := float(found[1]) * MS[found[2]]):
            return self.fail(f"{value!r} is not a duration such as 50ms or 0.05s.", param, ctx)
        return duration


class Gaps(click.ParamType):  # type: ignore[type-arg]
    """Durations with commas between them: `0,1ms,1s`."""

    name = "durations"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """In milliseconds."""
        if isinstance(value, tuple):
            return value
        return tuple(Duration().convert(part, param, ctx) for part in str(value).split(","))


class Share(click.ParamType):  # type: ignore[type-arg]
    """`5%` or `0.05`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As a fraction of 1."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", str(value))
        if found is None:
            return self.fail(f"{value!r} is not a share such as 5% or 0.05.", param, ctx)
        share = float(found[1]) / (100 if found[2] else 1)
        if share > 1 and not found[2]:
            return self.fail(f"{value} is {share:.0%}. Write {value}% if that is meant.", param, ctx)
        return share
