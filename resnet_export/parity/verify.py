"""`verify`: is a file the network that it says it is, in every runtime that is here?"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.errors import (
    MissingDependencyError,
    ModelError,
    NotApplicableError,
    RuntimeCrashedError,
    RuntimeFailedError,
    UnavailableError,
)
from resnet_export.files import sha256
from resnet_export.parity.blame import diagnose
from resnet_export.parity.check import gate_inputs
from resnet_export.parity.evaluation import Evaluation, Suspect, evaluate
from resnet_export.parity.judge import Truths, judge, precision_of
from resnet_export.parity.results import RuntimeResult, VerifyReport
from resnet_export.parity.subject import describe, value_names
from resnet_export.runtimes import ONLY_WHEN_NAMED, choose, names
from resnet_export.runtimes.isolated import IsolatedSession

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from resnet_export.errors import ResNetExportError
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.judge import Verdict
    from resnet_export.parity.results import Bisection, Diagnosis, Status
    from resnet_export.parity.subject import Subject
    from resnet_export.runtimes.session import Session
    from resnet_export.weights import Weights

    Progress = Callable[[str], AbstractContextManager[object]]

STATUS: dict[type[ResNetExportError], Status] = {
    MissingDependencyError: "not here",
    UnavailableError: "not here",
    NotApplicableError: "not applicable",
    ModelError: "unsupported",
    RuntimeCrashedError: "crashed",
    RuntimeFailedError: "unsupported",
}
"""What it means for a runtime that it raised; a class stands before those that it derives from."""


def verify(
    path: str | os.PathLike[str],
    *,
    weights: Weights | str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    runtimes: Sequence[str] | None = None,
    allow_fallback: bool = False,
    bisect: bool = False,
    progress: Progress | None = None,
) -> VerifyReport:
    """Checks an image-classification file in every runtime, each in a process of its own.

    Args:
        path: the `.onnx` file, written by this package or not.
        weights: the checkpoint that it should hold; None checks the file against itself in float64.
        images: a folder of pictures to run it on, beside random images.
        runtimes: such as `ort:cpu` or `openvino,precision=bfloat16`; None for all that are here. A runtime that was
            named has to run the file; one that was not may be unable to.
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        bisect: look at the error layer by layer even when nothing failed.
        progress: entered around each stage with its name.

    Returns:
        What was found; `passed` says whether the file is the network that it says it is.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        CheckpointError: `weights` cannot be read.
        ImageError: `images` has no picture that can be read.
        UsageError: there is no such runtime, or none with such an option.
        MissingDependencyError: a runtime that was named is not installed.
        UnavailableError: a runtime that was named lacks a library, driver or device.
    """
    asked = [runtimes] if isinstance(runtimes, str) else list(runtimes or ())
    for text in asked:
        choose(text, allow_fallback=allow_fallback)  # what cannot be meant is found out before the work
    with tempfile.TemporaryDirectory() as folder:
        return _verify(Path(path), weights, images, asked, allow_fallback, bisect, progress, Path(folder))


def _verify(
    path: Path,
    weights: Weights | str | os.PathLike[str] | None,
    images: str | os.PathLike[str] | None,
    asked: Sequence[str],
    allow_fallback: bool,
    bisect: bool,
    progress: Progress | None,
    folder: Path,
) -> VerifyReport:
    """See `verify`; `folder` is for copies of the file."""
    stage = progress or (lambda name: contextlib.nullcontext())
    with stage("read"):
        subject = describe(path, weights, folder)
        wrong = subject.wrong
        seen = () if wrong is None else (f"{wrong.layer}: {wrong.detail}",)
        if wrong is not None and not bisect:
            return _report(subject, passed=False, comparisons=(), failures=seen, diagnosis=wrong)
        sets, notes = gate_inputs(subject.taken, subject.preprocessing, images)
        notes += subject.notes(pictures=images is not None)
    ran: list[Evaluation | RuntimeResult] = []
    for text in asked or [name for name in names() if name not in ONLY_WHEN_NAMED]:
        with stage(text):
            ran.append(_evaluate(_suspect(text, subject, allow_fallback), text, sets, subject, named=bool(asked)))
    evaluations = [one for one in ran if isinstance(one, Evaluation)]
    truths = Truths(subject)
    with stage("truth"):
        for inputs in sets:
            truths.exact(inputs, "logits" if subject.given == "probabilities" else subject.given)
    with stage("compare"):
        verdict = judge(subject, sets, truths, evaluations)
    results = tuple(one if isinstance(one, RuntimeResult) else _result(one, verdict, subject) for one in ran)
    failures = [*seen, *verdict.failures]
    failures += [f"{result.runtime}: {result.reason}" for result in results if result.refused]
    if not evaluations:
        failures.append("No runtime ran the file.")
    diagnosis, bisection = wrong, None
    if verdict.failed or bisect:
        with stage("bisect"):
            looked, bisection, note = _look_inside(subject, verdict, evaluations, sets)
        if wrong is not None and bisection is not None and bisection.first_wrong == wrong.layer:
            diagnosis = replace(wrong, cause=wrong.cause or bisection.cause)
        diagnosis = diagnosis or looked
        notes += [note] if note else []
    return _report(
        subject,
        passed=not failures,
        failures=tuple(failures),
        comparisons=tuple(verdict.comparisons),
        notes=tuple(notes),
        diagnosis=diagnosis,
        bisection=bisection,
        runtimes=results,
    )


def _suspect(text: str, subject: Subject, allow_fallback: bool) -> Suspect:
    """The file in a runtime, in a process of its own."""

    def opens(path: Path) -> Callable[[], Session]:
        return partial(IsolatedSession, text, path, allow_fallback=allow_fallback)

    logits = None if subject.logits_path is None else opens(subject.logits_path)
    return Suspect(f"the file in {text}", opens(subject.path), logits)


def _report(subject: Subject, *, passed: bool, failures: tuple[str, ...], **found: Any) -> VerifyReport:
    return VerifyReport(
        file=str(subject.path),
        sha256=sha256(subject.path),
        passed=passed,
        failures=failures,
        truth=subject.oracle.description,
        yardstick="NumPy in float32",
        **found,
    )


def _evaluate(
    suspect: Suspect, text: str, sets: Sequence[InputSet], subject: Subject, *, named: bool
) -> Evaluation | RuntimeResult:
    """Runs one runtime. What it raises is a result, but for what is missing where it was asked for by name."""
    try:
        return evaluate(suspect, sets, subject.given, subject.activation)
    except tuple(STATUS) as error:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        if named and status == "not here":
            raise
        log = error.log if isinstance(error, RuntimeCrashedError) else ()
        # A runtime that gives no output gives no wrong one: that counts only where it was asked for, or crashed.
        refused = status == "crashed" or (named and status != "not here")
        return RuntimeResult(text, status, error.message, error.hint, refused=refused, log=log)


def _result(evaluation: Evaluation, verdict: Verdict, subject: Subject) -> RuntimeResult:
    failed = evaluation in verdict.wrong_heads or any(evaluation is one for one, _ in verdict.failed)
    return RuntimeResult(
        evaluation.runtime,
        "failed" if failed else "passed",
        precision=precision_of(evaluation, subject),
        placement=evaluation.placement,
        batches_left_out=evaluation.batches_left_out,
        version=evaluation.version,
    )


def _look_inside(
    subject: Subject, verdict: Verdict, evaluations: Sequence[Evaluation], sets: Sequence[InputSet]
) -> tuple[Diagnosis | None, Bisection | None, str | None]:
    """(what is wrong first, the error layer by layer, why there is none of these)."""
    if subject.network is None:
        return None, None, "The layers can be looked at only beside the checkpoint: give it with --weights."
    candidates = [*verdict.failed, *((evaluation, sets[0]) for evaluation in evaluations)]
    values = None if subject.canonical else value_names(subject.path)
    problem = "none of these runtimes shows them: add --runtime ort:cpu"
    for evaluation, inputs in candidates:
        if not evaluation.shows_values:
            continue
        network, failed = subject.network, any(evaluation is one for one, _ in verdict.failed)
        try:
            precision = precision_of(evaluation, subject)
            diagnosis, bisection = diagnose(
                evaluation.suspect, network.spec, network.parameters, inputs, values, precision
            )
        except tuple(STATUS) as error:
            problem = f"{evaluation.runtime}: {error.message}"
            continue
        return diagnosis if failed else None, bisection, None
    return None, None, f"The layers could not be looked at: {problem}."
