"""`verify`: is a file the network that it says it is, in every runtime that is here?"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from resnet_export.errors import (
    MissingDependencyError,
    ModelError,
    NotApplicableError,
    ResNetExportError,
    RuntimeCrashedError,
    RuntimeFailedError,
    UnavailableError,
)
from resnet_export.files import sha256
from resnet_export.graph.cut import value_names
from resnet_export.network.sizes import Pixels
from resnet_export.parity.description import describe
from resnet_export.parity.diagnosis.attribution import diagnose
from resnet_export.parity.diagnosis.departure import OPTIMISER, diagnose_runtime, overflow
from resnet_export.parity.embedded import measure, too_far
from resnet_export.parity.gate.evaluation import Candidate, Evaluation, evaluate
from resnet_export.parity.gate.inputs import InputSet, gate_inputs
from resnet_export.parity.gate.judge import Verdict, judge, precision_of
from resnet_export.parity.gate.witness import judge_live
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.own_graph import describe_rounding
from resnet_export.parity.reference.oracles import Truths
from resnet_export.parity.results import Bisection, Diagnosis, PreparationDistance, RuntimeResult, Status, VerifyReport
from resnet_export.progress import Progress
from resnet_export.runtimes import ONLY_WHEN_NAMED, names, parse_runtime
from resnet_export.runtimes.isolated import IsolatedSession
from resnet_export.sources import Source

OWN_RESIZE = "For that runtime, export it from its source again with --preprocess uint8, and resize and crop before it."
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
    weights: Source = None,
    images: str | os.PathLike[str] | None = None,
    image_size: Pixels | None = None,
    runtimes: Sequence[str] | None = None,
    allow_fallback: bool = False,
    bisect: bool = False,
    progress: Progress | None = None,
) -> VerifyReport:
    """Checks an image-classification file in every runtime, each in a process of its own.

    Args:
        path: the `.onnx` file, written by this package or not.
        weights: what it should hold: a checkpoint or `Weights`, a whole model (a `torch.nn.Module`, a `keras.Model` or
            its `.keras` file), or another `.onnx` file; None checks the file against itself in float64.
        images: a folder of pictures to run it on, beside random images.
        image_size: height and width in pixels, one number or a pair, for a file that leaves them open.
        runtimes: such as `ort:cpu` or `openvino,precision=bfloat16`; None for all that are here. A runtime that was
            named has to run the file; one that was not may be unable to.
        allow_fallback: go on where nodes do not run on the provider that was asked for, and say so.
        bisect: look at the error layer by layer even when nothing failed.
        progress: entered around each stage with its name.

    Returns:
        What was found; `passed` says whether the file is the network that it says it is.

    Raises:
        ModelError: the file is missing or damaged, takes no image, or has an operator that is not read.
        CheckpointError: `weights` cannot be read, or take other images.
        InputError: `weights` are a model that cannot be traced, or has an operator that is not read.
        ImageError: `images` has no picture that can be read.
        UsageError: there is no such runtime, or none with such an option; or the file takes images of another size.
        MissingDependencyError: a runtime that was named is not installed.
        UnavailableError: a runtime that was named lacks a library, driver or device.
    """
    asked = [runtimes] if isinstance(runtimes, str) else list(runtimes or ())
    for text in asked:
        parse_runtime(text)  # a runtime that has an invalid value is refused before the work
    stage = progress or (lambda name: contextlib.nullcontext())
    with tempfile.TemporaryDirectory() as folder:
        with stage("read"):
            tested = describe(Path(path), weights, Path(folder), image_size)
            can_be_run = tested.oracle.network.image[0] == tested.taken.channels
            if tested.wrong is not None and not (bisect and can_be_run):
                return _report(tested, comparisons=(), diagnosis=tested.wrong, notes=tested.remarks)
            sets, notes = gate_inputs(tested.taken, tested.preprocessing, images)
            notes += tested.notes(pictures=images is not None)
        ran: list[Evaluation | RuntimeResult] = []
        preparation: list[PreparationDistance] = []
        for text in asked or [name for name in names() if name not in ONLY_WHEN_NAMED]:
            with stage(text):
                one, distances = _evaluate(text, tested, sets, images, allow_fallback, named=bool(asked))
            ran.append(one)
            preparation += distances
        evaluations = [one for one in ran if isinstance(one, Evaluation)]
        notes += _hidden(tested, evaluations)
        truths = Truths(tested.oracle)
        with stage("truth"):
            for inputs in sets:
                truths.of(inputs, tested.compared)
            notes += describe_rounding(tested, sets[-1])
        with stage("compare"):
            verdict = judge(tested, sets, truths, evaluations)
            witness = judge_live(verdict, tested, truths, sets[0])
        diagnosis, bisection = tested.wrong, None
        if verdict.failed or bisect:
            with stage("bisect"):
                diagnosis, bisection, unseen = _look_inside(tested, verdict, evaluations, sets)
                notes += unseen
                if tested.wrong is None and bisection is not None and bisection.is_open:
                    diagnosis = _of_runtime(tested, verdict, truths, evaluations, sets, allow_fallback) or diagnosis
                if tested.wrong is None and diagnosis is not None and diagnosis.cause is None and verdict.failed:
                    first = verdict.wrong[0]
                    cause = overflow(first.runtime, precision_of(first, tested), tested.path)
                    diagnosis = replace(diagnosis, cause=cause)
        results = tuple(one if isinstance(one, RuntimeResult) else _result(one, verdict, tested) for one in ran)
        refused = [f"{result.runtime}: {result.reason}" for result in results if result.refused]
        none = [] if evaluations else ["No runtime ran the file."]
        return _report(
            tested,
            failures=(*verdict.failures, *refused, *none),
            comparisons=tuple(verdict.comparisons),
            notes=tuple(notes),
            diagnosis=diagnosis,
            bisection=bisection,
            runtimes=results,
            witness=witness,
            preparation=tuple(preparation),
        )


def _report(tested: ModelUnderTest, *, failures: tuple[str, ...] = (), **found: Any) -> VerifyReport:
    """The report, whose first failure is what was seen without running the file."""
    if tested.wrong is not None:
        failures = (tested.wrong.failure, *failures)
    return VerifyReport(
        file=str(tested.path),
        sha256=sha256(tested.path),
        passed=not failures,
        failures=failures,
        truth=tested.oracle.description,
        yardstick="NumPy in float32",
        **found,
    )


def _evaluate(
    text: str,
    tested: ModelUnderTest,
    sets: Sequence[InputSet],
    images: str | os.PathLike[str] | None,
    allow_fallback: bool,
    *,
    named: bool,
) -> tuple[Evaluation | RuntimeResult, list[PreparationDistance]]:
    """Runs the file in one runtime, in a process of its own; and how that prepares pictures.

    What the runtime raises is a result, unless a part is missing that was asked for by name.
    """
    opens = partial(IsolatedSession, text, allow_fallback=allow_fallback)
    logits = None if tested.logits_path is None else partial(opens, tested.logits_path)
    candidate = Candidate(f"the file in {text}", partial(opens, tested.path), logits)
    try:
        found = evaluate(candidate, sets, tested.given, tested.activation, tested.others)
        distances = []
        if found.takes_file_input:
            distances = measure(text, opens, tested.path, tested.taken, tested.preprocessing, images)
        if (far := too_far(distances)) is not None:
            return RuntimeResult(text, "unsupported", f"{far}.", OWN_RESIZE, refused=named), distances
        return found, distances
    except tuple(STATUS) as error:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        if named and status == "not here":
            raise
        log = error.log if isinstance(error, RuntimeCrashedError) else ()
        # A runtime that gives no output gives no wrong one: that counts only where it was asked for.
        refused = named and status != "not here"
        return RuntimeResult(text, status, error.message, error.hint, refused=refused, log=log), []


def _hidden(tested: ModelUnderTest, evaluations: Sequence[Evaluation]) -> list[str]:
    """A note for each output that some runtimes do not show."""
    hidden = ((output, [one.runtime for one in evaluations if not one.of(output)]) for output in tested.others)
    return [
        f"Not compared: the output {output} in {', '.join(blind)}, which gives the first output alone."
        for output, blind in hidden
        if blind
    ]


def _result(evaluation: Evaluation, verdict: Verdict, tested: ModelUnderTest) -> RuntimeResult:
    return RuntimeResult(
        evaluation.runtime,
        "failed" if evaluation in (*verdict.wrong_heads, *verdict.wrong) else "passed",
        precision=precision_of(evaluation, tested),
        placement=evaluation.placement,
        batches_left_out=evaluation.batches_left_out,
        version=evaluation.version,
    )


def _look_inside(
    tested: ModelUnderTest, verdict: Verdict, evaluations: Sequence[Evaluation], sets: Sequence[InputSet]
) -> tuple[Diagnosis | None, Bisection | None, list[str]]:
    """(what is wrong first, the error layer by layer, why there is none of these)."""
    wrong = tested.wrong
    candidates = [*verdict.failed, *((evaluation, sets[0]) for evaluation in evaluations)]
    values = None if tested.canonical else value_names(tested.path)
    problem = "none of these runtimes shows them: add --runtime ort:cpu"
    for evaluation, inputs in (pair for pair in candidates if pair[0].shows_values):
        precision = precision_of(evaluation, tested)
        try:
            diagnosis, bisection = diagnose(evaluation.candidate, tested.oracle, inputs, values, precision)
        except tuple(STATUS) as error:
            problem = f"{evaluation.runtime}: {error.message}"
            continue
        if wrong is not None:
            same = bisection.first_wrong == wrong.layer
            return replace(wrong, cause=wrong.cause or bisection.cause) if same else wrong, bisection, []
        return diagnosis if evaluation in verdict.wrong else None, bisection, []
    return wrong, None, [f"The layers could not be looked at: {problem}."]


def _of_runtime(
    tested: ModelUnderTest,
    verdict: Verdict,
    truths: Truths,
    evaluations: Sequence[Evaluation],
    sets: Sequence[InputSet],
    allow_fallback: bool,
) -> Diagnosis | None:
    """What a runtime does wrong, where the file passes in it without its optimiser, or in another one."""
    for evaluation, inputs in verdict.failed:
        if not evaluation.shows_values:
            continue
        plain = parse_runtime(evaluation.runtime).unoptimised
        again = None if plain is None else _evaluate(str(plain), tested, sets, None, allow_fallback, named=False)[0]
        if isinstance(again, Evaluation) and not judge(tested, sets, truths, [again]).failures:
            right, who = [again], OPTIMISER
        else:
            passed = [one for one in evaluations if one.shows_values and one not in verdict.wrong]
            right, who = passed, evaluation.runtime
        if right and right[0].precision == evaluation.precision:
            names, precision = value_names(tested.path), precision_of(evaluation, tested)
            return diagnose_runtime(evaluation, right[0], who, tested.path, names, inputs, precision)
    return None
