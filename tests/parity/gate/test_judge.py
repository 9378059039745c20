"""File and source against each other, with NumPy as the third where an error is large."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resnet_export.parity.gate.evaluation import Candidate, Evaluation
from resnet_export.parity.gate.judge import judge

TRUTH = np.array([[1.0, -3.0, 8.0]])
KEY = ("random", 1)


class Truths:
    """Gives the truth, and what NumPy makes of it in float32: `numpy_error` away."""

    def __init__(self, numpy_error: float) -> None:
        self.error = numpy_error

    def of(self, inputs: Any, quantity: Any, dtype: Any = np.float64, **options: Any) -> Any:
        return TRUTH + (self.error if dtype is np.float32 else 0)


def evaluation(name: str, error: float) -> Evaluation:
    outputs = {KEY: TRUTH + error}
    return Evaluation(
        Candidate(name, lambda: pytest.fail("nothing is opened")), name, "float32", None, "logits", outputs, (), False,
        None, None, "",
    )  # type: ignore[arg-type] # fmt: skip


@pytest.mark.parametrize(
    ("file_error", "source_error", "numpy_error", "failed"),
    [
        (1e-6, 1e-6, 1e-6, []),
        (1e-3, 1e-6, 1e-6, ["file"]),
        (1e-6, 1e-3, 1e-6, ["source"]),
        # Both are wrong alike.
        (1e-3, 1e-3, 1e-6, ["file", "source"]),
        # Rounding decides much of it, and one of them was lucky.
        (1e-3, 4e-2, 3e-2, []),
        (4e-2, 1e-3, 3e-2, []),
        # So it does, and one of them is wrong nevertheless.
        (0.5, 1e-3, 3e-2, ["file"]),
        (1e-3, 0.5, 3e-2, ["source"]),
    ],
)
def test_who_fails(file_error: float, source_error: float, numpy_error: float, failed: list[str]) -> None:
    sets: Any = [SimpleNamespace(kind="random", batches=(1,), raw=TRUTH)]
    tested: Any = SimpleNamespace(others=(), precision="float32")
    truths: Any = Truths(numpy_error)
    sides = evaluation("file", file_error), evaluation("source", source_error)
    verdict = judge(tested, sets, truths, [sides[0]], sides[1])
    assert [side.candidate.label for side, _ in verdict.failed] == failed
