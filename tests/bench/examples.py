"""Results as they could have been measured."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.bench.case import Case, Model
from resnet_export.bench.inputs import Images
from resnet_export.bench.measured import Measured, Series
from resnet_export.bench.results import CaseResult
from resnet_export.machine.noise import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL = Model("net.onnx", "ab" * 32, 46_800_000, Images("float32", "nchw", 3, 224, 224), None)
CASE = Case(MODEL, "ort:cpu", 1, None)


def series(samples: int = 1000, median_ms: float = 20.0, seed: int = 0, **changes: Any) -> Series:
    """Independent lognormal samples, one call behind the other."""
    drawn = median_ms * np.random.default_rng(seed).lognormal(0.0, 0.05, samples)
    usual = Series({}, 1, 1, "closed", False, float(drawn.sum()), tuple(drawn.tolist()))
    return dataclasses.replace(usual, **changes)


def unsteady(base_ms: float, seed: int, seconds: float = 60.0) -> NDArray[np.float64]:
    """Samples on a machine whose pace stays at a level for some 4 to 16 s: undisturbed, or up to a fifth slower."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice([1.0, 1.03, 1.08, 1.14, 1.2], 100, p=[0.4, 0.15, 0.15, 0.15, 0.15])
    levels = np.repeat(chosen, generator.integers(200, 800, 100))
    samples = base_ms * levels * (1 + generator.exponential(0.01, len(levels)))
    return samples[: int(np.searchsorted(np.cumsum(samples), seconds * 1e3))]


def measured(samples: int = 1000, median_ms: float = 20.0, seed: int = 0, **changes: Any) -> Measured:
    """A case of one such series."""
    usual = Measured(
        version="onnxruntime 1.31.1, CPUExecutionProvider",
        precision="float32",
        device="CPU",
        nodes={"CPUExecutionProvider": 30},
        fallback=None,
        import_ms=200.0,
        open_ms=100.0,
        first_run_ms=50.0,
        new_shape_ms=70.0,
        settled=True,
        warm_up_ms=(30.0, 20.0),
        series=(series(samples, median_ms, seed),),
        headline=0,
        submit_ms=None,
        peak_rss_bytes=250_000_000,
        steady_rss_bytes=200_000_000,
        pss_bytes=190_000_000,
        gpu_memory_bytes=None,
    )
    return dataclasses.replace(usual, **changes)


def result(**changes: Any) -> CaseResult:
    """Of `CASE`, with two threads."""
    return CaseResult(**{"case": CASE, "status": "measured", "threads": 2, "measured": measured(), **changes})


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
