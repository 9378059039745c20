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

import math
from dataclasses import dataclass
from typing import Literal

from resnet_export.bench.estimate import Estimate
from resnet_export.bench.results import CaseResult

Quantity = Literal["relative", "p50", "image"]
"""The time relative to the reference network's, the median latency of a run, or the time of an image."""
Z = 1.959964
"""Normal quantile of the 95 % intervals."""


@dataclass(frozen=True)
class Compared:
    """The times of a case that are compared, in milliseconds but for `relative`; None where a run has not the case."""

    quantity: Quantity
    result: Estimate | None
    baseline: Estimate | None
    ratio: Estimate | None = None
    """The time of the result over that of the baseline."""


def compare_times(result: CaseResult | None, baseline: CaseResult | None) -> Compared:
    """The best quantity that both have, with an interval where there is one; of a case that one has alone, its own."""
    now, before = times_of(result), times_of(baseline)
    names = [name for name in {**now, **before} if name != "relative" or same_reference(result, baseline)]
    pairs = {name: (now.get(name), before.get(name)) for name in names} or {"p50": (None, None)}
    found = [Compared(name, *pair, ratio_of(*pair)) for name, pair in pairs.items()]
    decided = (one for one in found if one.ratio is not None and one.ratio.has_interval)
    known = (one for one in reversed(found) if one.ratio is not None)
    return next(decided, next(known, found[-1]))


def same_reference(*cases: CaseResult | None) -> bool:
    """False where cases were held against different reference networks, or ones that ran in something else."""
    return len({case.relative.reference for case in cases if case is not None and case.relative is not None}) <= 1


def times_of(case: CaseResult | None) -> dict[Quantity, Estimate]:
    """What may be compared of a case, best first; nothing of one that was not measured."""
    if case is None or case.measured is None:
        return {}
    main = case.measured.main
    if case.case.scenario.has_own_batches:
        return {} if main.images_per_s is None else {"image": main.images_per_s.over(1e3)}
    found: dict[Quantity, Estimate] = {} if case.relative is None else {"relative": case.relative.ratio}
    return {**found, "p50": main.latency_ms.p50}


def time_ms(case: CaseResult | None) -> float | None:
    """What a person knows the case by: p50, or the time of an image for `offline`, in milliseconds."""
    found = times_of(case)
    own = found.get("p50") or found.get("image")
    return None if own is None else own.value


def ratio_of(result: Estimate | None, baseline: Estimate | None) -> Estimate | None:
    """The ratio, with an interval where both have one; None where one is missing."""
    if result is None or baseline is None:
        return None
    difference = math.log(result.value / baseline.value)
    variance = 0.0
    for one in (result, baseline):
        if one.interval is None:
            return Estimate(math.exp(difference))
        low, high = one.interval
        variance += (math.log(high / low) / (2 * Z)) ** 2
    half = Z * math.sqrt(variance)
    return Estimate(math.exp(difference), math.exp(difference - half), math.exp(difference + half))
