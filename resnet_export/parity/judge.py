"""Evaluations against the truth: who passes, and in which words the others fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.parity.gate import FILE_FACTOR, SOURCE_FACTOR, SUSPICIOUS, compare, max_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from resnet_export.parity.evaluation import Evaluation
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Comparison, Inputs, Quantity
    from resnet_export.parity.subject import Subject
    from resnet_export.parity.truth import Floats, Truth
    from resnet_export.runtimes.session import Precision


class Truths:
    """The truth of every set of inputs, and what float32 rounding makes of it; each computed once, when needed."""

    def __init__(self, subject: Subject, known: dict[tuple[Inputs, Quantity], Truth] | None = None) -> None:
        self._oracle = subject.oracle
        self._exact = dict(known or {})
        self._rounded: dict[tuple[Inputs, Quantity], Floats] = {}

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """(N, K) in float64."""
        key = (inputs.kind, quantity)
        if key not in self._exact:
            self._exact[key] = self._oracle.exact(inputs, quantity)
        return self._exact[key]

    def float32_error(self, inputs: InputSet, batch: int, quantity: Quantity) -> float:
        """Largest absolute error of the same evaluation in float32, on the first `batch` images."""
        key = (inputs.kind, quantity)
        if key not in self._rounded:
            self._rounded[key] = self._oracle.rounded(inputs, quantity)
        return max_error(self._rounded[key][:batch], self.exact(inputs, quantity)[:batch])


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
    subject: Subject,
    sets: Sequence[InputSet],
    truths: Truths,
    evaluations: Sequence[Evaluation],
    source: Evaluation | None = None,
) -> Verdict:
    """Holds the file's evaluations against that of its source, or against NumPy's where there is none.

    Args:
        subject: the file.
        sets: what was run.
        truths: of these sets.
        evaluations: of the file.
        source: of the live model that the file came from; it is judged too.
    """
    verdict = Verdict()
    for inputs in sets:
        for batch in inputs.batches:
            key = (inputs.kind, batch)
            ran = [evaluation for evaluation in evaluations if key in evaluation.outputs]
            pairs = (
                [_alone(evaluation, subject, truths, inputs, batch) for evaluation in ran]
                if source is None
                else list(_beside(source, ran, truths, inputs, batch))
            )
            for evaluation, comparison in pairs:
                if not comparison.passed:
                    truth = truths.exact(inputs, comparison.quantity)[:batch]
                    failure = _sentence(evaluation, comparison, truth)
                    comparison = replace(comparison, failure=failure)
                    verdict.failures.append(failure)
                    if evaluation not in [failed for failed, _ in verdict.failed]:
                        verdict.failed.append((evaluation, inputs))
                verdict.comparisons.append(comparison)
    for evaluation in evaluations:
        error, bound = evaluation.activation_error, evaluation.activation_bound(precision_of(evaluation, subject))
        if error is not None and not error <= bound:
            verdict.wrong_heads.append(evaluation)
            verdict.failures.append(
                f"{evaluation.suspect.label}: its probabilities are {error:.2g} from the {evaluation.activation} "
                f"of its logits ({bound:.2g} is allowed)."
            )
    return verdict


def precision_of(evaluation: Evaluation, subject: Subject) -> Precision:
    """In what the file was computed: the runtime's precision, or the file's own where the runtime keeps float32."""
    return evaluation.precision if evaluation.precision != "float32" else subject.precision


def _alone(
    evaluation: Evaluation, subject: Subject, truths: Truths, inputs: InputSet, batch: int
) -> tuple[Evaluation, Comparison]:
    """Against NumPy's float32."""
    quantity = evaluation.quantity
    comparison = compare(
        evaluation.runtime,
        inputs.kind,
        quantity,
        evaluation.outputs[inputs.kind, batch],
        truths.exact(inputs, quantity)[:batch],
        truths.float32_error(inputs, batch, quantity),
        precision=precision_of(evaluation, subject),
    )
    return evaluation, comparison


def _beside(
    source: Evaluation, evaluations: Sequence[Evaluation], truths: Truths, inputs: InputSet, batch: int
) -> Iterator[tuple[Evaluation, Comparison]]:
    """File and source against each other."""
    key, quantity = (inputs.kind, batch), source.quantity
    truth = truths.exact(inputs, quantity)[:batch]
    source_error = max_error(source.outputs[key], truth)
    file_error = min(max_error(evaluation.outputs[key], truth) for evaluation in evaluations)
    limit = float("inf")
    if max(source_error, file_error) > SUSPICIOUS * float(np.abs(truth).max()):
        # Both sides could be wrong alike and vouch for each other: a third one, NumPy, decides.
        limit = FILE_FACTOR * truths.float32_error(inputs, batch, quantity)
    for evaluation in evaluations:
        found, yardstick = evaluation.outputs[key], min(source_error, limit)
        yield evaluation, compare(evaluation.runtime, inputs.kind, quantity, found, truth, yardstick)
    yardstick = min(file_error, limit)
    found = source.outputs[key]
    yield source, compare(source.runtime, inputs.kind, quantity, found, truth, yardstick, factor=SOURCE_FACTOR)


def _sentence(evaluation: Evaluation, comparison: Comparison, truth: Truth) -> str:
    found: NDArray[Any] = evaluation.outputs[comparison.inputs, comparison.batch]
    images = f"{comparison.batch} {comparison.inputs} image{'s' if comparison.batch > 1 else ''}"
    if found.shape != truth.shape:
        return f"{evaluation.suspect.label} gives {found.shape} for {images}, and the truth is {truth.shape}."
    if not np.isfinite(found).all():
        return f"{evaluation.suspect.label} gives values that are not finite for {images}."
    top1 = ""
    if comparison.top1_agreed + comparison.top1_exempt < comparison.batch:
        top1 = f"; top-1 agrees on {comparison.top1_agreed} images"
    return (
        f"{evaluation.suspect.label} is {comparison.error:.3g} from the truth on {images} "
        f"({comparison.bound:.3g} is allowed{top1})."
    )
