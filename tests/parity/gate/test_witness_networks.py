"""What is said of a source whose own float64 run is another network's, or that of one that magnifies rounding."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.parity.gate.judge import Verdict
from resnet_export.parity.gate.witness import judge_float64

TRUTH = np.array([[1.0, -2.0]])


@pytest.mark.parametrize("float32_error", [1e-6, 0.5])
def test_near_enough(float32_error: float) -> None:
    verdict = Verdict()
    assert judge_float64(verdict, "the torch model", TRUTH + 1e-9, TRUTH, float32_error) == pytest.approx(5e-10)
    assert not verdict.failures


@pytest.mark.parametrize(("float32_error", "chaotic"), [(1e-6, False), (0.19, False), (0.21, True)])
def test_rounding_that_decides_is_named(float32_error: float, chaotic: bool) -> None:
    verdict = Verdict()
    judge_float64(verdict, "the torch model", TRUTH + 1, TRUTH, float32_error)
    (failure,) = verdict.failures
    assert failure.endswith("what its converter made of it is another network.")
    assert ("rounding alone decides what the network gives (0.21 in float32), or" in failure) == chaotic
