"""Evaluations against the truth: who passes, and in which words the others fail.

A network that magnifies rounding can make a right source fail in float32. With random batch norms, the float32 run of
timm's seresnet152d is 21 % of the largest value from the truth, and the file 0.7 %. That is a note and no failure where

    error(NumPy in float32)          > 64 floor                 rounding explains a large error
    error(source's run in float64)   <= 2^-22 * max|truth|      of every output: the network was read right

Such a source is no yardstick either: the file has to pass by NumPy's float32 alone, error(file) <= 4 * error(NumPy).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.interface import Activation
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.evaluation import ACTIVATION_TOLERANCE, Evaluation, activate
from resnet_export.parity.gate.gate import FILE_FACTOR, SOURCE_FACTOR, SUSPICIOUS, allowed, compare, floor, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.reference.oracles import Real, Truths
from resnet_export.parity.results import Comparison, Inputs, Quantity
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
    excused: dict[str, float] = field(default_factory=dict)
    """A source whose float32 run is far from the truth by rounding alone -> how far, over the largest value."""

    @property
    def wrong(self) -> list[Evaluation]:
        """The evaluations that failed."""
        return [evaluation for evaluation, _ in self.failed]

    @property
    def notes(self) -> list[str]:
        """What is said of such a source."""
        return [
            f"The network magnifies rounding: the float32 run of {label} is {share:.2%} of the largest value from the "
            "truth. That is no failure, since its float64 run agrees with the truth. The file was held against NumPy's "
            "float32 instead."
            for label, share in self.excused.items()
        ]

    def add(self, evaluation: Evaluation, comparison: Comparison, truth: Floats, inputs: InputSet) -> None:
        """Notes a comparison with the truth on some inputs, and why it did not pass."""
        label = evaluation.candidate.label
        if comparison.excused:
            share = comparison.error / comparison.scale if comparison.scale else comparison.error
            self.excused[label] = max(share, self.excused.get(label, 0.0))
        elif not comparison.passed:
            failure = _sentence(evaluation, comparison, truth)
            comparison = replace(comparison, failure=failure)
            self.failures.append(failure)
            if evaluation not in self.wrong:
                self.failed.append((evaluation, inputs))
        self.comparisons.append(comparison)


def judge(
    tested: ModelUnderTest,
    sets: Sequence[InputSet],
    truths: Truths,
    evaluations: Sequence[Evaluation],
    source: Evaluation | None = None,
    *,
    vouched: bool = False,
) -> Verdict:
    """Holds the file's evaluations against that of its source, or against NumPy's where there is none.

    The source is the live model that the file came from; it is judged too. `vouched` says whether its own float64 run
    agrees with the truth.
    """
    verdict, outputs = Verdict(), (None, *tested.others)
    for run in (_Run(truths, one, batch, output) for one in sets for batch in one.batches for output in outputs):
        for evaluation, comparison in _compared(run, tested, evaluations, source, vouched=vouched):
            verdict.add(evaluation, comparison, run.truth(evaluation.quantity), run.inputs)
    for evaluation in evaluations:
        error = evaluation.activation_error
        bound = max(ACTIVATION_TOLERANCE, allowed(precision_of(evaluation, tested)))
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
    *,
    vouched: bool,
) -> None:
    """Holds a source that gives something else than the file, such as probabilities, against NumPy's float32."""
    for run in (_Run(truths, inputs, batch, None) for inputs in sets for batch in inputs.batches):
        truth, error = run.truth("logits", activation=activation), run.float32_error("logits", activation)
        verdict.add(source, run.compare_source(source, truth, error, error, vouched=vouched), truth, run.inputs)


def precision_of(evaluation: Evaluation, tested: ModelUnderTest) -> Precision:
    """In what the file was computed: the runtime's precision, or the file's own where the runtime keeps float32."""
    return evaluation.precision if evaluation.precision != "float32" else tested.precision


class _Run(NamedTuple):
    """Which numbers are compared: one output on some images."""

    truths: Truths
    inputs: InputSet
    batch: int
    output: str | None

    @property
    def key(self) -> tuple[Inputs, int]:
        return self.inputs.kind, self.batch

    def truth(self, quantity: Quantity, dtype: Real = np.float64, activation: Activation | None = None) -> Floats:
        truth = self.truths.of(self.inputs, quantity, dtype, output=self.output, batch=self.batch)
        return truth if activation is None else activate(truth, activation)

    def float32_error(self, quantity: Quantity, activation: Activation | None = None) -> float:
        """The largest absolute error of NumPy's float32 on images of this kind: on one of them it may be lucky."""
        runs = [self._replace(batch=batch) for batch in self.inputs.batches]
        errors = [
            max_error(*(run.truth(quantity, dtype, activation) for dtype in (np.float32, np.float64))) for run in runs
        ]
        return max(filter(math.isfinite, errors), default=math.inf)

    def error(self, evaluation: Evaluation, truth: Floats) -> float:
        return max_error(evaluation.of(self.output)[self.key], truth)

    def compare(self, evaluation: Evaluation, truth: Floats, other_error: float, **options: Any) -> Comparison:
        quantity: Quantity = evaluation.quantity if self.output is None else "output"
        found = evaluation.of(self.output)[self.key]
        compared = compare(evaluation.runtime, self.inputs.kind, quantity, found, truth, other_error, **options)
        return replace(compared, output=self.output)

    def compare_source(
        self, source: Evaluation, truth: Floats, other_error: float, float32_error: float, *, vouched: bool
    ) -> Comparison:
        """The source's own float32 run, which may be far off where NumPy's is too and its float64 run is right."""
        found = self.compare(source, truth, other_error, factor=SOURCE_FACTOR, precision=source.precision)
        magnified = float32_error > SUSPICIOUS * found.scale
        return replace(found, excused=vouched and magnified and not found.passed and math.isfinite(found.error))


def _compared(
    run: _Run, tested: ModelUnderTest, evaluations: Sequence[Evaluation], source: Evaluation | None, *, vouched: bool
) -> Iterator[tuple[Evaluation, Comparison]]:
    """The file's evaluations and that of the source against each other where both give the same.

    Else the file's alone, against NumPy's float32.
    """
    ran = [evaluation for evaluation in evaluations if run.key in evaluation.of(run.output)]
    quantity = ran[0].quantity if ran else None
    gives = source is not None and run.key in source.of(run.output)
    if quantity is None or source is None or not gives or (run.output is None and quantity != source.quantity):
        for evaluation in ran:
            truth, error = run.truth(evaluation.quantity), run.float32_error(evaluation.quantity)
            yield evaluation, run.compare(evaluation, truth, error, precision=precision_of(evaluation, tested))
        return
    truth = run.truth(quantity)
    source_error = run.error(source, truth)
    file_error = min(run.error(evaluation, truth) for evaluation in ran)
    least, most = 0.0, float("inf")
    alike = file_error <= FILE_FACTOR * max(source_error, floor(truth)) and (
        source_error <= SOURCE_FACTOR * max(file_error, floor(truth))
    )
    if not alike or max(source_error, file_error) > SUSPICIOUS * float(np.abs(truth).max(initial=0.0)):
        # Both sides could be wrong alike and vouch for each other, or one of them was lucky: the sum of a large pool
        # in pairs is 5 times closer to the truth than one value after the other. A third one, NumPy, decides.
        least = run.float32_error(quantity)
        most = FILE_FACTOR * least
    own = run.compare_source(source, truth, max(min(file_error, most), least), least, vouched=vouched)
    other = least if own.excused else max(min(source_error, most), least)
    for evaluation in ran:
        yield evaluation, run.compare(evaluation, truth, other, precision=evaluation.precision)
    yield source, own


def _sentence(evaluation: Evaluation, comparison: Comparison, truth: Floats) -> str:
    found: NDArray[Any] = evaluation.of(comparison.output)[comparison.inputs, comparison.batch]
    images = f"{comparison.batch} {comparison.inputs} image{'s' if comparison.batch > 1 else ''}"
    label = evaluation.candidate.label + ("" if comparison.output is None else f": its output {comparison.output}")
    if found.shape != truth.shape:
        return f"{label} gives {found.shape} for {images}, and the truth is {truth.shape}."
    if not np.isfinite(truth).all():
        return f"{label} can't be judged: the network itself gives values that are not finite for {images}, in float64."
    if not np.isfinite(found).all():
        return f"{label} gives values that are not finite for {images}."
    top1 = ""
    if comparison.top1_agreed + comparison.top1_exempt < comparison.batch:
        top1 = f"; top-1 agrees on {comparison.top1_agreed} images"
    return f"{label} is {comparison.error:.3g} from the truth on {images} ({comparison.bound:.3g} is allowed{top1})."
