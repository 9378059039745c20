"""Results as they could have been measured."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.bench.case import Case, Model
from resnet_export.bench.inputs import Images
from resnet_export.bench.memory import Memory
from resnet_export.bench.request import Ran
from resnet_export.bench.results import BenchReport, CaseResult, Measured, Series
from resnet_export.bench.sampling import Budget
from resnet_export.bench.scenarios import Taken
from resnet_export.machine.noise import Noise
from tests.doctor.examples import MACHINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MODEL = Model("net.onnx", "ab" * 32, 46_800_000, Images("float32", "nchw", 3, 224, 224), None)
CASE = Case(MODEL, "ort:cpu", 1, None)
RAN = Ran("onnxruntime 1.31.1, CPUExecutionProvider", "float32", "CPU", {"CPUExecutionProvider": 30}, None)
ON_GPU = dataclasses.replace(RAN, device="GPU 0")
MEMORY = Memory(250_000_000, 200_000_000, None)


def nanoseconds(milliseconds: Sequence[float] | NDArray[np.float64]) -> tuple[int, ...]:
    """As durations are kept."""
    return tuple(round(one * 1e6) for one in milliseconds)


def series_of(samples_ms: Sequence[float] | NDArray[np.float64], slo_ms: float | None = None, **taken: Any) -> Series:
    """Sequential calls that took so long; `taken` are changes of `Taken`."""
    samples = nanoseconds(samples_ms)
    return Series.of(
        Taken(**{"samples_ns": samples, "duration_ns": sum(samples), "batch": 1, "condition": {}, **taken}), slo_ms
    )


def series(samples: int = 1000, median_ms: float = 20.0, seed: int = 0, **taken: Any) -> Series:
    """Independent lognormal samples."""
    return series_of(median_ms * np.random.default_rng(seed).lognormal(0.0, 0.05, samples), **taken)


def unsteady(base_ms: float, seed: int, seconds: float = 60.0) -> NDArray[np.float64]:
    """Samples on a machine whose pace stays at a level for some 4 to 16 s: undisturbed, or up to a fifth slower."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice([1.0, 1.03, 1.08, 1.14, 1.2], 100, p=[0.4, 0.15, 0.15, 0.15, 0.15])
    levels = np.repeat(chosen, generator.integers(200, 800, 100))
    samples = base_ms * levels * (1 + generator.exponential(0.01, len(levels)))
    return samples[: int(np.searchsorted(np.cumsum(samples), seconds * 1e3))]


def measured(samples: int = 1000, median_ms: float = 20.0, seed: int = 0, **changes: Any) -> Measured:
    """A case of one such series."""
    usual: dict[str, Any] = {
        "ran": RAN,
        "import_ns": 200_000_000,
        "open_ns": 100_000_000,
        "first_run_ns": 50_000_000,
        "warm_up_ns": (30_000_000, 20_000_000),
        "settled": True,
        "headline": 0,
        "memory": MEMORY,
        "new_shape_ns": 70_000_000,
    }
    own = {} if "series" in changes else {"series": (series(samples, median_ms, seed),)}
    return Measured(**{**usual, **own, **changes})


def result(**changes: Any) -> CaseResult:
    """Of `CASE`, with two threads."""
    own = {} if "measured" in changes else {"measured": measured()}
    return CaseResult(**{"case": CASE, "status": "measured", "threads": 2, **own, **changes})


def crashed(**changes: Any) -> CaseResult:
    """One whose process died."""
    return result(
        status="crashed",
        measured=None,
        reason="its process was ended by SIGSEGV while sampling",
        signal="SIGSEGV",
        log=("Fatal Python error: Segmentation fault",),
        **changes,
    )


NOISE = Noise(
    seconds=20.0,
    cpus=2,
    own_cpus=1.9,
    others_cpus=0.01,
    steal_share=0.0,
    involuntary_per_s=2.0,
    quota_periods=0,
    throttled_periods=0,
    major_faults=0,
)
"""Of a quiet machine."""


def report(*cases: CaseResult, **changes: Any) -> BenchReport:
    """Of these cases, on an example of a machine."""
    return BenchReport(**{"plan": "p" * 64, "budget": Budget(10.0), "machine": MACHINE, "cases": cases, **changes})
