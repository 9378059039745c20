"""The times that a check compares, and their ratio.

A case's time t has a 95 % interval [low, high]. It is the median of the main series, distribution-free and resting on
effective samples (see `bench.statistics`); in the scenario `offline`, which may choose another batch every time, the
time of an image in the mean. On logarithms:

    s      = (log high - log low) / (2 z)                     standard error of log t, z = 1.96
    d      = log(t of the result / t of the baseline)
    ratio  = exp(d),  95 % interval  exp(d -+ z sqrt(s_result^2 + s_baseline^2))

The logarithm of a median is normal in the limit, as its interval from order statistics is, and the two runs know
nothing of each other, so that their variances add.

Where a machine's pace changes too much for a median, or for one whose ratio is known to within the tolerance, it is the
floor with its range (see `bench.floor`), which such changes leave alone. The range of the ratio goes from low of the
result over high of the baseline to high over low.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Quantity = Literal["p50", "floor", "image"]
"""The median latency of a run, its floor, or the time of an image."""
Time = tuple[float, float, float]
"""A time in milliseconds, or a ratio, with both ends of its interval or range."""
LEAST_WINDOWS = 100
"""Of a floor that is compared, nearly a minute: a level of a machine's pace was seen to last for 10 to 15 s."""
Z = 1.959964
"""Of the 95 % intervals."""


class Compared(NamedTuple):
    """What is compared of a case; None is what the samples can't tell, or whose run hasn't the case."""

    quantity: Quantity
    result: Time | None
    baseline: Time | None
    ratio: Time | None = None
    """The time of the result over that of the baseline."""


def compare_times(result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None, tolerance: float) -> Compared:
    """The first quantity whose ratio is known to within the tolerance, or else at all."""
    now, before = ({} if case is None else read_times(case) for case in (result, baseline))
    found = [_compared(one, now.get(one), before.get(one)) for one in now or before]
    known = [one for one in found if one.ratio is not None]
    close = (one for one in known if one.ratio is not None and one.ratio[2] <= one.ratio[1] * (1 + tolerance) ** 2)
    return next(close, [*known, *found][0])


def _compared(quantity: Quantity, result: Time | None, baseline: Time | None) -> Compared:
    ratio = None if result is None or baseline is None else find_ratio(quantity, result, baseline)
    return Compared(quantity, result, baseline, ratio)


def read_times(case: Mapping[str, Any]) -> dict[Quantity, Time | None]:
    """What may be compared of a case, best first; None where its samples can't tell."""
    measured = case["status"] == "measured"
    if (case.get("scenario") or {}).get("name") == "offline":
        rates = [case[f"images_per_s{end}"] for end in ("", "_high", "_low")] if measured else []
        return {"image": _time([rate and 1e3 / rate for rate in rates])}
    p50 = [case[f"p50{end}_ms"] for end in ("", "_low", "_high")] if measured else []
    # A result of before there were floors has none.
    enough = (case.get("floor_windows") or 0) >= LEAST_WINDOWS
    floor = [case.get(f"floor{end}_ms") for end in ("", "", "_again")] if enough else []
    return {"p50": _time(p50), "floor": _time(floor)}


def find_ratio(quantity: Quantity, result: Time, baseline: Time) -> Time:
    """The ratio, with both ends of its interval or range."""
    if quantity == "floor":
        return result[0] / baseline[0], result[1] / baseline[2], result[2] / baseline[1]
    variance = sum((math.log(high / low) / (2 * Z)) ** 2 for _, low, high in (result, baseline))
    difference, half = math.log(result[0] / baseline[0]), Z * math.sqrt(variance)
    return math.exp(difference), math.exp(difference - half), math.exp(difference + half)


def _time(found: Sequence[float | None]) -> Time | None:
    """The same, once it is known to be a time with an interval.

    Raises:
        ValueError: it is something else.
    """
    numbers = [float(one) for one in found if one is not None]
    if len(numbers) < 3:
        return None
    value, low, high = numbers
    if not 0 < low <= value <= high:
        raise ValueError(f"a time of {value} between {low} and {high}")
    return value, low, high
