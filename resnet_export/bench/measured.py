"""`Measured`: what a case gave that ran to its end, as immutable data. Times in milliseconds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from resnet_export.bench.floor import find_floor
from resnet_export.bench.slo import check_slo
from resnet_export.bench.statistics import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.dependence import Loop
    from resnet_export.bench.floor import Floor
    from resnet_export.bench.slo import Slo
    from resnet_export.bench.statistics import Summary


@dataclass(frozen=True)
class Rate:
    """Images a second."""

    value: float
    low: float | None
    """Of the 95 % interval; None where it was not the network that set the pace."""
    high: float | None


@dataclass(frozen=True)
class Series:
    """Latencies that were taken under one condition."""

    condition: Mapping[str, float]
    """What tells it from the others of its case: `batch`, `callers`, `gap_ms`, or `rate_per_s` and `load`."""
    batch: int
    """Images in a run."""
    callers: int
    """At the same time."""
    loop: Loop
    """Whether a request waits for the one before (closed), or comes when it comes (open)."""
    probe: bool
    """Whether it only served to choose another."""
    duration_ms: float
    """From the first call to the last answer."""
    samples_ms: tuple[float, ...]
    """In the order in which they were measured; none is left out."""

    @cached_property
    def summary(self) -> Summary:
        """What the samples support. Callers at the same time wait for each other, as requests in a queue do."""
        loop: Loop = "open" if self.callers > 1 else self.loop
        return summarise(self.samples_ms, loop, queue=self.loop == "open")

    @cached_property
    def floor(self) -> Floor | None:
        """What it is while nothing disturbs; None where callers wait for each other, or for a pause."""
        alone = self.loop == "closed" and self.callers == 1 and not self.condition.get("gap_ms")
        return find_floor(self.samples_ms) if alone else None

    @property
    def images_per_s(self) -> Rate | None:
        """Throughput; None where the samples can't support it, or pauses lie between the calls."""
        if self.condition.get("gap_ms"):
            return None
        if self.loop == "open":
            return Rate(len(self.samples_ms) * self.batch * 1e3 / self.duration_ms, None, None)
        mean = self.summary.mean
        if mean is None or mean.low <= 0:
            return None
        value, high, low = (self.callers * self.batch * 1e3 / time for time in (mean.value, mean.low, mean.high))
        return Rate(value, low, high)

    def check_slo(self, bound_ms: float) -> Slo:
        """Whether 99 % keep the bound."""
        return check_slo(self.samples_ms, bound_ms)

    def as_dict(self, slo_p99_ms: float | None = None) -> dict[str, Any]:
        """Plain data, for JSON."""
        slo = None if slo_p99_ms is None else self.check_slo(slo_p99_ms)
        return {
            "condition": dict(self.condition),
            "batch": self.batch,
            "callers": self.callers,
            "loop": self.loop,
            "probe": self.probe,
            "duration_ms": self.duration_ms,
            **self.summary_keys(),
            "slo": slo and {**dataclasses.asdict(slo), "holds": slo.holds, "breaks": slo.breaks},
            "samples_ms": list(self.samples_ms),
        }

    def summary_keys(self) -> dict[str, Any]:
        """`p50_ms`, `p50_low_ms`, `p50_high_ms`, `p50_needs` and so on."""
        found = self.summary
        keys: dict[str, Any] = {}
        for one in found.quantiles:
            name = f"p{one.probability * 100:g}"
            keys |= {f"{name}_ms": one.value, f"{name}_low_ms": one.low, f"{name}_high_ms": one.high}
            keys[f"{name}_needs"] = one.needs
        mean, rate, floor, drift = found.mean, self.images_per_s, self.floor, found.drift
        return {
            **keys,
            "p99_bound_ms": found.bound,
            "p99_bound_needs": found.bound_needs,
            "floor_ms": floor and floor.value,
            "floor_again_ms": floor and floor.again,
            "mean_ms": mean and mean.value,
            "mean_low_ms": mean and mean.low,
            "mean_high_ms": mean and mean.high,
            "images_per_s": rate and rate.value,
            "images_per_s_low": rate and rate.low,
            "images_per_s_high": rate and rate.high,
            "samples": found.samples,
            "effective_samples": found.effective,
            "lag1_autocorrelation": found.lag1,
            "drift": drift and {"p_value": drift.p_value, "change": drift.change, "found": drift.found},
        }


@dataclass(frozen=True)
class Measured:
    """What a case gave that ran to its end."""

    version: str
    """What ran, for people."""
    precision: str
    """In what it multiplied."""
    device: str
    """On which it ran."""
    nodes: Mapping[str, int]
    """Execution provider -> number of nodes; empty where a runtime has but one place."""
    fallback: str | None
    """What did not go where it was asked for."""
    import_ms: float
    """For the runtime's libraries."""
    open_ms: float
    """For the session."""
    first_run_ms: float
    new_shape_ms: float | None
    """The first run of another batch; None where none can be run."""
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    warm_up_ms: tuple[float, ...]
    """Its runs."""
    series: tuple[Series, ...]
    """The steady state."""
    headline: int
    """Which of them stands for the case."""
    submit_ms: tuple[float, ...] | None
    """On a GPU, from device to device: how long a call takes until the work is handed over; None elsewhere."""
    peak_rss_bytes: int | None
    """Of the process, its Python included."""
    steady_rss_bytes: int
    """Behind the last sample."""
    pss_bytes: int | None
    """Then, pages that are shared counted by their share; None where the system doesn't tell."""
    gpu_memory_bytes: int | None
    """More of the GPU's memory in use than before the file was opened; None without one."""

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Measured:
        """From what the worker says, in nanoseconds."""
        plain = _in_ms(answer)
        return cls(**{**plain, "series": tuple(Series(**_in_ms(one)) for one in plain["series"])})

    @classmethod
    def from_journal(cls, fields: Mapping[str, Any]) -> Measured:
        """The inverse of `dataclasses.asdict`, after JSON made lists of the tuples."""
        plain = {name: _frozen(value) for name, value in fields.items()}
        series = (Series(**{name: _frozen(value) for name, value in one.items()}) for one in fields["series"])
        return cls(**{**plain, "series": tuple(series)})

    @property
    def main(self) -> Series:
        """The series that stands for the case."""
        return self.series[self.headline]

    @property
    def summary(self) -> Summary:
        """Of the main series."""
        return self.main.summary

    def as_dict(self, slo_p99_ms: float | None = None) -> dict[str, Any]:
        """Plain data, for JSON: the summary of the main series, and all of them."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **self.main.summary_keys(),
            **own,
            "nodes": dict(self.nodes),
            "series": [one.as_dict(slo_p99_ms) for one in self.series],
        }


def _in_ms(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that end on `_ns` in milliseconds."""
    plain: dict[str, Any] = {}
    for name, value in answer.items():
        if not name.endswith("_ns"):
            plain[name] = value
        elif isinstance(value, list | tuple):
            plain[f"{name.removesuffix('_ns')}_ms"] = tuple(one / 1e6 for one in value)
        else:
            plain[f"{name.removesuffix('_ns')}_ms"] = None if value is None else value / 1e6
    return plain


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
