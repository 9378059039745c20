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

from resnet_export.bench.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Quantity = Literal["relative", "p50", "image"]
"""The time relative to the reference network's, the median latency of a run, or the time of an image."""
Z = 1.959964
"""Of the 95 % intervals."""


class Compared(NamedTuple):
    """What is compared of a case. A time is in milliseconds, but for `relative`; None where a run hasn't the case."""

    quantity: Quantity
    result: Estimate | None
    baseline: Estimate | None
    ratio: Estimate | None = None
    """The time of the result over that of the baseline."""


def compare_times(result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> Compared:
    """The best quantity that both have, with an interval where there is one; of a case that one has alone, its own."""
    now, before = ({} if case is None else read_times(case) for case in (result, baseline))
    names = [name for name in {**now, **before} if name != "relative" or same_reference(result, baseline)]
    found = [_compared(name, now.get(name), before.get(name)) for name in names] or [Compared("p50", None, None)]
    decided = (one for one in found if one.ratio is not None and one.ratio.has_interval)
    known = (one for one in reversed(found) if one.ratio is not None)
    return next(decided, next(known, found[-1]))


def _compared(quantity: Quantity, result: Estimate | None, baseline: Estimate | None) -> Compared:
    ratio = None if result is None or baseline is None else find_ratio(result, baseline)
    return Compared(quantity, result, baseline, ratio)


def same_reference(result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> bool:
    """False where two cases were held against different reference networks, or ones that ran in something else."""
    names = {case["relative"]["reference"] for case in (result, baseline) if case is not None and case.get("relative")}
    return len(names) <= 1


def read_times(case: Mapping[str, Any]) -> dict[Quantity, Estimate]:
    """What may be compared of a case, best first; nothing of one that was not measured.

    Raises:
        KeyError, TypeError, ValueError: it is no case of a result.
    """
    if case["status"] != "measured":
        return {}
    if (case.get("scenario") or {}).get("name") == "offline":
        rates = [case[f"images_per_s{end}"] for end in ("", "_high", "_low")]
        return {"image": _estimate([rate and 1e3 / rate for rate in rates])}
    found: dict[Quantity, Estimate] = {}
    relative = case.get("relative")  # a result of before there was a reference network has none
    if relative:
        found["relative"] = _estimate([relative[f"ratio{end}"] for end in ("", "_low", "_high")])
    found["p50"] = _estimate([case[f"p50{end}_ms"] for end in ("", "_low", "_high")])
    return found


def time_ms(case: Mapping[str, Any] | None) -> float | None:
    """What a person knows the case by: p50, or the time of an image for `offline`, in milliseconds."""
    found = {} if case is None else read_times(case)
    own = found.get("p50") or found.get("image")
    return None if own is None else own.value


def find_ratio(result: Estimate, baseline: Estimate) -> Estimate:
    """The ratio, with an interval where both have one."""
    difference = math.log(result.value / baseline.value)
    variance = 0.0
    for one in (result, baseline):
        if one.low is None or one.high is None:
            return Estimate(math.exp(difference))
        variance += (math.log(one.high / one.low) / (2 * Z)) ** 2
    half = Z * math.sqrt(variance)
    return Estimate(math.exp(difference), math.exp(difference - half), math.exp(difference + half))


def _estimate(found: Sequence[float | None]) -> Estimate:
    """A time, once it is known to be one.

    Raises:
        ValueError: it is something else.
    """
    value, low, high = (None if one is None else float(one) for one in found)
    if value is None or not 0 < value < math.inf:
        raise ValueError(f"a time of {value}")
    if low is None or high is None:
        return Estimate(value)
    if not 0 < low <= value <= high:
        raise ValueError(f"a time of {value} between {low} and {high}")
    return Estimate(value, low, high)
