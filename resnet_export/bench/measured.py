"""`Measured`: what a case gave that ran to its end, as immutable data. Times in milliseconds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from resnet_export.bench.estimate import Estimate
from resnet_export.bench.slo import check_slo
from resnet_export.bench.statistics import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.slo import Slo
    from resnet_export.bench.statistics import Summary


Loop = Literal["closed", "open"]
"""Whether a request waits for the one before (closed), or comes when it comes (open)."""
NO_RATE = dict.fromkeys(("images_per_s", "images_per_s_low", "images_per_s_high"))


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
    """Who sets the pace."""
    probe: bool
    """Whether it only served to choose another."""
    duration_ms: float
    """From the first call to the last answer."""
    samples_ms: tuple[float, ...]
    """In the order in which they were measured; none is left out."""

    @cached_property
    def summary(self) -> Summary:
        """What the samples say."""
        return summarise(self.samples_ms, queue=self.loop == "open")

    @property
    def images_per_s(self) -> Estimate | None:
        """Throughput; None where pauses lie between the calls. Its interval is that of the mean latency."""
        if self.condition.get("gap_ms"):
            return None
        if self.loop == "open":
            return Estimate(len(self.samples_ms) * self.batch * 1e3 / self.duration_ms)
        mean, images = self.summary.mean, self.callers * self.batch * 1e3
        if mean.low is None or mean.high is None or mean.low <= 0:
            return Estimate(images / mean.value)
        return Estimate(images / mean.value, images / mean.high, images / mean.low)

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
        """`min_ms`, `p50_ms`, `p50_low_ms`, `p50_high_ms` and so on; both ends are None where there is no interval."""
        found, rate = self.summary, self.images_per_s
        keys: dict[str, Any] = {"min_ms": found.least}
        for probability, quantile in found.quantiles.items():
            keys |= quantile.keys(f"p{probability * 100:g}", "_ms")
        drift = found.drift
        return {
            **keys,
            "max_ms": found.most,
            **found.mean.keys("mean", "_ms"),
            **(NO_RATE if rate is None else rate.keys("images_per_s")),
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
