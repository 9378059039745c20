"""File and source against each other, with NumPy as the third where an error is large."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from resnet_export.parity.gate.evaluation import Candidate, Evaluation
from resnet_export.parity.gate.judge import Verdict, judge, judge_source

TRUTH = np.array([[1.0, -3.0, 8.0]])
SETS: Any = [SimpleNamespace(kind="random", batches=(1,), raw=TRUTH)]
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
        # One of them adds a large pool in pairs, the other one value after the other, as NumPy does here.
        (1e-4, 1e-7, 3e-5, []),
        (1e-7, 2e-4, 3e-5, []),
        (1.3e-4, 1e-7, 3e-5, ["file"]),
        (1e-7, 2.5e-4, 3e-5, ["source"]),
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
    verdict = judged(file_error, source_error, numpy_error)
    assert failed_of(verdict) == failed
    assert verdict.notes == []


@pytest.mark.parametrize(
    ("file_error", "source_error", "numpy_error", "failed", "noted"),
    [
        (1e-6, 1e-6, 1e-6, [], False),
        # Rounding decides much of it: the source's float32 run tells nothing.
        (1e-3, 1.7, 3e-2, [], True),
        (0.11, 1.7, 3e-2, [], True),
        # Then the file is held against NumPy's float32 alone, and not against four times that, as beside a source.
        (0.13, 1.7, 3e-2, ["file"], True),
        (0.13, 3e-2, 3e-2, ["file"], False),
        # Rounding explains no large error: something is wrong with the source's float32 run.
        (1e-6, 1e-3, 1e-6, ["source"], False),
        (1e-6, 1.7, 2e-4, ["source"], False),
        # Nor does it explain what is not finite.
        (1e-3, np.inf, 3e-2, ["source"], False),
        (1e-3, np.nan, 3e-2, ["source"], False),
    ],
)
def test_who_fails_where_the_sources_float64_run_agrees_with_the_truth(
    file_error: float, source_error: float, numpy_error: float, failed: list[str], noted: bool
) -> None:
    verdict = judged(file_error, source_error, numpy_error, vouched=True)
    assert failed_of(verdict) == failed
    assert [entry.excused for entry in verdict.comparisons] == [False, noted]
    assert len(verdict.failures) == len(failed)
    share = f"the float32 run of source is {source_error / 8:.2%} of the largest value from the truth"
    assert [share in note for note in verdict.notes] == [True] * noted


@pytest.mark.parametrize(("error", "vouched", "failed"), [(0.3, True, []), (0.3, False, ["source"]), (0.2, False, [])])
def test_a_source_that_gives_something_else_than_the_file(error: float, vouched: bool, failed: list[str]) -> None:
    """It is held against NumPy's float32, by the same rule."""
    verdict, truths = Verdict(), Truths(3e-2)
    judge_source(verdict, SETS, cast("Any", truths), evaluation("source", error), None, vouched=vouched)
    assert failed_of(verdict) == failed
    assert len(verdict.notes) == (vouched and error > 8 * truths.error)


def judged(file_error: float, source_error: float, numpy_error: float, *, vouched: bool = False) -> Verdict:
    tested: Any = SimpleNamespace(others=(), precision="float32")
    truths: Any = Truths(numpy_error)
    sides = evaluation("file", file_error), evaluation("source", source_error)
    return judge(tested, SETS, truths, [sides[0]], sides[1], vouched=vouched)


def failed_of(verdict: Verdict) -> list[str]:
    return [side.candidate.label for side, _ in verdict.failed]


@pytest.mark.parametrize(("factor", "failed"), [(3.9, []), (4.1, ["file"])])
def test_numpy_may_be_lucky_on_one_image(factor: float, failed: list[str]) -> None:
    """Its error is the largest over all images of the kind: the few logits of a single one may be nearly exact."""
    errors = np.array([1e-8, 2e-5, 1e-5]).reshape(3, 1)
    truth, error = np.repeat(TRUTH, 3, axis=0), factor * errors.max()

    class Batches:
        def of(self, inputs: Any, quantity: Any, dtype: Any = np.float64, *, batch: int, **options: Any) -> Any:
            return (truth + (errors if dtype is np.float32 else 0))[:batch]

    sets: Any = [SimpleNamespace(kind="random", batches=(1, 3), raw=truth)]
    outputs = {("random", batch): truth[:batch] + error for batch in (1, 3)}
    file = replace(evaluation("file", 0.0), outputs=outputs)
    tested: Any = SimpleNamespace(others={}, precision="float32")
    verdict = judge(tested, sets, cast("Any", Batches()), [file])
    assert failed_of(verdict) == failed
    assert [one.yardstick for one in verdict.comparisons] == pytest.approx([2e-5] * 2)
