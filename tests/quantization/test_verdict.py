"""What neither refuses a file nor is shown is said before the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_export.bench.estimate import Estimate
from resnet_export.quantization.proof import agreement, is_faster
from resnet_export.quantization.results import RuntimeProof
from resnet_export.quantization.verdict import failures, open_questions


def proof(right: int = 13, of: int = 13, ratio: Estimate | None = None) -> RuntimeProof:
    return RuntimeProof("ort:cpu", "1.2", agreement(np.arange(of) < right), ratio)


def test_pictures_that_cannot_tell() -> None:
    """Wilson's interval of 11 of 13 is [57.8 95.7], and 13 (11.1 / 10.4)^2 = 14.8."""
    (said,) = open_questions([proof(), proof(11)], None)
    assert said.startswith("84.6% is below 95%, but 13 pictures can't tell: about 2 more would.")
    assert list(failures([proof(11)], None, must_be_fast=False)) == []


@pytest.mark.parametrize("right", [124, 90])
def test_what_is_above_or_refused_is_no_open_question(right: int) -> None:
    assert list(open_questions([proof(right, 130)], None)) == []


@pytest.mark.parametrize(
    ("ratio", "faster", "asked"),
    [
        (Estimate(0.395), False, True),
        (Estimate(0.9, 0.7, 1.1), False, True),
        (Estimate(1.1, 0.9, 1.3), False, False),
        (Estimate(0.4, 0.3, 0.5), True, False),
        (Estimate(1.2, 1.1, 1.3), False, False),
    ],
)
def test_timing_that_cannot_tell(ratio: Estimate, faster: bool, asked: bool) -> None:
    proofs = [proof(ratio=ratio)]
    assert is_faster(proofs) is faster
    said = ["The timing can't tell whether it is faster than float32: more --seconds may."]
    assert list(open_questions(proofs, None)) == said * asked
    shown = replace(proofs[0], ratio=Estimate(0.4, 0.3, 0.5))
    assert list(open_questions([*proofs, shown], None)) == [], "one runtime is enough"


@pytest.mark.parametrize(
    ("ratio", "unsure"), [(Estimate(1.1, 0.9, 1.3), True), (Estimate(1.2, 1.1, 1.3), False), (Estimate(1.2), False)]
)
def test_a_file_that_is_not_faster_says_how_sure_that_is(ratio: Estimate, unsure: bool) -> None:
    (said,) = failures([proof(ratio=ratio)], None, must_be_fast=True)
    assert said.startswith("It took no less time than float32 on this machine")
    assert ("more --seconds may" in said) is unsure
