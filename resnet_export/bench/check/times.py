"""The times that a check compares, and their ratio.

A case's time t has a 95 % interval [low, high]. It is the time relative to that of the reference network, where both
were measured in turns (see `bench.reference`): the machine's pace is left out of that, and it may have changed from the
one run to the other as much as within them. Else it is the median of the main series, distribution-free and resting on
effective samples (see `bench.statistics`); in the scenario `offline`, which may choose another batch every time, the
time of an image in the mean. On logarithms:

    s      = (log high - log low) / (2 z)                     standard error of log t, z = 1.96
    d      = log(t of the result / t of the baseline)
    ratio  = exp(d),  95 % interval  exp(d -+ z sqrt(s_result^2 + s_baseline^2))

The logarithm of a median is normal in the limit, as its interval from order statistics is, and the two runs know
nothing of each other, so that their variances add.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Quantity = Literal["relative", "p50", "image"]
"""The time relative to the reference network's, the median latency of a run, or the time of an image."""
Time = tuple[float, float, float]
"""A time, or a ratio, with both ends of its interval; in milliseconds, but for `relative`."""
Z = 1.959964
"""Of the 95 % intervals."""


class Compared(NamedTuple):
    """What is compared of a case; None is what the samples can't tell, or whose run hasn't the case."""

    quantity: Quantity
    result: Time | None
    baseline: Time | None
    ratio: Time | None = None
    """The time of the result over that of the baseline."""


def compare_times(result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> Compared:
    """The best quantity that both have; of a case that one of them has alone, the best of that."""
    now, before = ({} if case is None else read_times(case) for case in (result, baseline))
    alone = result is None or baseline is None
    names = [name for name in now or before if name != "relative" or same_reference(result, baseline)]
    found = [_compared(name, now.get(name), before.get(name)) for name in names]
    told = (one for one in found if one.ratio is not None or (alone and (one.result or one.baseline) is not None))
    return next(told, found[-1])


def _compared(quantity: Quantity, result: Time | None, baseline: Time | None) -> Compared:
    ratio = None if result is None or baseline is None else find_ratio(result, baseline)
    return Compared(quantity, result, baseline, ratio)


def same_reference(result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> bool:
    """False where two cases were held against different reference networks, or ones that ran in something else."""
    names = {case["relative"]["reference"] for case in (result, baseline) if case is not None and case.get("relative")}
    return len(names) <= 1


def read_times(case: Mapping[str, Any]) -> dict[Quantity, Time | None]:
    """What may be compared of a case, best first; None where its samples can't tell, or it wasn't measured so."""
    measured = case["status"] == "measured"
    if (case.get("scenario") or {}).get("name") == "offline":
        rates = [case[f"images_per_s{end}"] for end in ("", "_high", "_low")] if measured else []
        return {"image": _time([rate and 1e3 / rate for rate in rates])}
    # A result of before there was a reference network has none.
    relative = case.get("relative") or {}
    ratio = [relative[f"ratio{end}"] for end in ("", "_low", "_high")] if relative else []
    p50 = [case[f"p50{end}_ms"] for end in ("", "_low", "_high")] if measured else []
    return {"relative": _time(ratio), "p50": _time(p50)}


def find_ratio(result: Time, baseline: Time) -> Time:
    """The ratio, with both ends of its interval."""
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
