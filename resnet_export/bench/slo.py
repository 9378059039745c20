"""Whether 99 % of the requests keep a latency bound, as far as the requests that were sent can tell.

Of m independent requests K ~ Binomial(m, q) break the bound, q being the share that breaks it in the long run. That
q < 1 % holds is shown, at the level a = 5 %, where

    P(K <= k | q = 1 %) <= a

k being those that broke it: with k = 0 from m = 299 on. That the bound is broken is shown likewise, by P(K >= k) <= a;
in between more requests would tell. Requests depend on each other, since they wait in one queue; m is their number over
the integrated autocorrelation time of the indicators [latency > bound] (see `dependence`), or of [latency > p95] where
fewer than `FEW` broke the bound, and k is scaled likewise, rounded against what is to be shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.dependence import batch_count, integrated_time, price

SHARE = 0.01
"""Share of the requests that may break the bound: it is a bound on p99."""
LEVEL = 0.05
"""Probability of calling a rate good whose p99 is just at the bound."""
FEW = 5
"""Indicators of which nearly all are equal say nothing of how they hang together. Those of a lower bound do: the
further out in the tail, the more a queue's delays stand alone."""


@dataclass(frozen=True)
class Slo:
    """What the requests say of a bound."""

    DERIVED: ClassVar[tuple[str, ...]] = ("holds", "breaks")

    bound_ms: float
    requests: int
    broken: int
    """Requests that took longer."""
    p_value: float
    """Probability of at most so many, were the share at its limit."""
    p_broken: float
    """Probability of at least so many, likewise."""

    @property
    def holds(self) -> bool:
        """Whether it is shown that 99 % keep the bound."""
        return self.p_value <= LEVEL

    @property
    def breaks(self) -> bool:
        """Whether it is shown that more than 1 % break it. Neither: more requests would tell."""
        return self.p_broken <= LEVEL


def check_slo(latencies_ms: Sequence[float] | NDArray[np.float64], bound_ms: float) -> Slo:
    """Tests the bound on the requests of an open loop.

    Args:
        latencies_ms: (n,) in the order in which they were scheduled.
        bound_ms: on p99.
    """
    from scipy import stats

    values = np.asarray(latencies_ms, dtype=np.float64)
    late = values > bound_ms
    broken = int(late.sum())
    rare = late if broken >= FEW else values > np.quantile(values, 0.95)
    indicators = rare.astype(np.float64)
    batches = batch_count(indicators)
    time = integrated_time(indicators, batches) * price(batches)
    independent = max(1, math.floor(len(values) / time))
    p_value = float(stats.binom.cdf(math.ceil(broken / time), independent, SHARE))
    p_broken = float(stats.binom.sf(math.floor(broken / time) - 1, independent, SHARE))
    return Slo(bound_ms, len(values), broken, p_value, p_broken)
