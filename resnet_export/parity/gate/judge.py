"""Evaluations against the truth: who passes, and in which words the others fail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.interface import Activation
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.evaluation import Evaluation, activate
from resnet_export.parity.gate.gate import FILE_FACTOR, SOURCE_FACTOR, SUSPICIOUS, compare, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.reference.oracles import Truths
from resnet_export.parity.results import Comparison, Quantity
from resnet_export.runtimes.session import Precision


@dataclass
class Verdict:
    """What the comparisons came to."""

    comparisons: list[Comparison] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: list[tuple[Evaluation, InputSet]] = field(default_factory=list)
    """The evaluations that failed, each with the inputs on which it failed first."""
    wrong_heads: list[Evaluation] = field(default_factory=list)
    """Those whose probabilities are not the softmax, or sigmoid, of their logits."""


def judge(
    tested: ModelUnderTest,
    sets: Sequence[InputSet],
    truths: Truths,
    evaluations: Sequence[Evaluation],
    source: Evaluation | None = None,
) -> Verdict:
    """Holds the file's evaluations against that of its source, or against NumPy's where there is none.

    Args:
        tested: the file.
        sets: what was run.
        truths: the truth of these sets.
        evaluations: what the file gave.
        source: what the live model gave that the file came from; it is judged too.
    """
    verdict = Verdict()
    for inputs, batch in ((one, batch) for one in sets for batch in one.batches):
        ran = [evaluation for evaluation in evaluations if (inputs.kind, batch) in evaluation.outputs]
        compared = _alone(ran, tested, truths, inputs, batch)
        if source is not None:
            compared = _beside(source, ran, truths, inputs, batch)
        for evaluation, comparison in compared:
            if not comparison.passed:
                failure = _sentence(evaluation, comparison, truths.of(inputs, comparison.quantity)[:batch])
                comparison = replace(comparison, failure=failure)
                verdict.failures.append(failure)
                if evaluation not in [failed for failed, _ in verdict.failed]:
                    verdict.failed.append((evaluation, inputs))
            verdict.comparisons.append(comparison)
    for evaluation in evaluations:
        error, bound = evaluation.activation_error, evaluation.activation_bound(precision_of(evaluation, tested))
        if error is not None and not error <= bound:
            verdict.wrong_heads.append(evaluation)
            verdict.failures.append(
                f"{evaluation.candidate.label}: its probabilities are {error:.2g} from the {evaluation.activation} "
                f"of its logits ({bound:.2g} is allowed)."
            )
    return verdict


def judge_source(
    verdict: Verdict,
    sets: Sequence[InputSet],
    truths: Truths,
    source: Evaluation,
    activation: Activation | None,
) -> None:
    """Holds a source that gives something else than the file, such as probabilities, against NumPy's float32."""
    for inputs, batch in ((one, batch) for one in sets for batch in one.batches):
        rounded, truth = (truths.of(inputs, "logits", dtype)[:batch] for dtype in (np.float32, np.float64))
        if activation is not None:
            rounded, truth = activate(rounded, activation), activate(truth, activation)
        found = source.outputs[inputs.kind, batch]
        error = max_error(rounded, truth)
        comparison = compare(
            source.runtime, inputs.kind, source.quantity, found, truth, error, factor=SOURCE_FACTOR
        )  # fmt: skip
        if not comparison.passed:
            comparison = replace(comparison, failure=_sentence(source, comparison, truth))
            verdict.failures.append(comparison.failure or "")
            verdict.failed.append((source, inputs))
        verdict.comparisons.append(comparison)


def precision_of(evaluation: Evaluation, tested: ModelUnderTest) -> Precision:
    """In what the file was computed: the runtime's precision, or the file's own where the runtime keeps float32."""
    return evaluation.precision if evaluation.precision != "float32" else tested.precision


def _alone(
    evaluations: Sequence[Evaluation], tested: ModelUnderTest, truths: Truths, inputs: InputSet, batch: int
) -> Iterator[tuple[Evaluation, Comparison]]:
    """Against NumPy's float32."""
    for evaluation in evaluations:
        quantity, found = evaluation.quantity, evaluation.outputs[inputs.kind, batch]
        truth, precision = truths.of(inputs, quantity)[:batch], precision_of(evaluation, tested)
        error = _float32_error(truths, inputs, batch, quantity)
        yield evaluation, compare(evaluation.runtime, inputs.kind, quantity, found, truth, error, precision=precision)


def _beside(
    source: Evaluation, evaluations: Sequence[Evaluation], truths: Truths, inputs: InputSet, batch: int
) -> Iterator[tuple[Evaluation, Comparison]]:
    """File and source against each other."""
    key, quantity = (inputs.kind, batch), source.quantity
    truth = truths.of(inputs, quantity)[:batch]
    source_error = max_error(source.outputs[key], truth)
    file_error = min(max_error(evaluation.outputs[key], truth) for evaluation in evaluations)
    limit = float("inf")
    if max(source_error, file_error) > SUSPICIOUS * float(np.abs(truth).max()):
        # Both sides could be wrong alike and vouch for each other: a third one, NumPy, decides.
        limit = FILE_FACTOR * _float32_error(truths, inputs, batch, quantity)
    sides = [(evaluation, source_error, FILE_FACTOR) for evaluation in evaluations]
    for side, error, factor in (*sides, (source, file_error, SOURCE_FACTOR)):
        found, yardstick = side.outputs[key], min(error, limit)
        yield side, compare(side.runtime, inputs.kind, quantity, found, truth, yardstick, factor=factor)


def _float32_error(truths: Truths, inputs: InputSet, batch: int, quantity: Quantity) -> float:
    """The largest absolute error of NumPy's float32 on the first `batch` images."""
    return max_error(truths.of(inputs, quantity, np.float32)[:batch], truths.of(inputs, quantity)[:batch])


def _sentence(evaluation: Evaluation, comparison: Comparison, truth: Floats) -> str:
    found: NDArray[Any] = evaluation.outputs[comparison.inputs, comparison.batch]
    images = f"{comparison.batch} {comparison.inputs} image{'s' if comparison.batch > 1 else ''}"
    if found.shape != truth.shape:
        return f"{evaluation.candidate.label} gives {found.shape} for {images}, and the truth is {truth.shape}."
    if not np.isfinite(found).all():
        return f"{evaluation.candidate.label} gives values that are not finite for {images}."
    top1 = ""
    if comparison.top1_agreed + comparison.top1_exempt < comparison.batch:
        top1 = f"; top-1 agrees on {comparison.top1_agreed} images"
    return (
        f"{evaluation.candidate.label} is {comparison.error:.3g} from the truth on {images} "
        f"({comparison.bound:.3g} is allowed{top1})."
    )
