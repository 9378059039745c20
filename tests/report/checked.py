"""Results that a check holds against each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resnet_export.bench.compare import paired
from resnet_export.bench.results import BenchReport, CaseResult, Relative
from resnet_export.bench.sampling import Budget
from tests.bench.examples import CASE, crashed, measured, result
from tests.report.bench.examples import MACHINE, RELATIVE, replaced

NET = replaced(CASE, model__path="models/net.onnx")


def case(median_ms: float = 20.0, seed: int = 0, samples: int = 800, **changes: Any) -> CaseResult:
    """One that was measured; `changes` name what is different by its path, such as `case__batch`."""
    return replaced(result(case=NET, measured=measured(samples, median_ms, seed)), **changes)  # type: ignore[no-any-return]


def failed(**changes: Any) -> CaseResult:
    """One whose process died."""
    return replaced(crashed(case=NET), **changes)  # type: ignore[no-any-return]


def beside(times: float, seed: int = 0, **changes: Any) -> Relative:
    """How a case stands to the reference network: what eleven launches find that scatter by 1.5 %."""
    found = paired.estimate(math.log(times) + np.random.default_rng(seed).normal(0.0, 0.015, 11))
    return replaced(RELATIVE, **{"ratio": found, **changes})  # type: ignore[no-any-return]


def report(*cases: CaseResult, seconds: float = 10.0, **changes: Any) -> BenchReport:
    """Of these cases; `changes` as those of `case`, such as `machine__cpu__model`."""
    return replaced(BenchReport("plan", Budget(seconds), MACHINE, cases), **changes)  # type: ignore[no-any-return]
