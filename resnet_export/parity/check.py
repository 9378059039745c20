"""The gate of an export: the written file, held against the model that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.parity.blame import diagnose
from resnet_export.parity.evaluation import Suspect, evaluate
from resnet_export.parity.inputs import picture_inputs, random_inputs
from resnet_export.parity.judge import Truths, judge
from resnet_export.parity.results import VerifyReport
from resnet_export.parity.subject import canonical_subject
from resnet_export.runtimes import open_session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from resnet_export.graph.foreign import ImageInput
    from resnet_export.images import Preprocessing
    from resnet_export.parity.evaluation import Evaluation
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.truth import Truth
    from resnet_export.weights import Weights

RUNTIME = "ort:cpu"
"""What the file is deployed in."""


def gate_inputs(
    taken: ImageInput, preprocessing: Preprocessing, images: str | os.PathLike[str] | None
) -> tuple[list[InputSet], list[str]]:
    """Random images and, where there is a folder, its pictures; and a note for each picture that was left out."""
    sets = [random_inputs(taken, preprocessing)]
    notes: list[str] = []
    if images is not None and (taken.height or preprocessing.crop) != (taken.width or preprocessing.crop):
        notes = [f"No picture took part: the file takes {taken.height} x {taken.width}, and the crop is square."]
    elif images is not None:
        pictures, notes = picture_inputs(taken, preprocessing, images)
        sets.append(pictures)
    return sets, notes


def check_file(
    file: Path, recall: Callable[[], Weights], source: Evaluation, sets: Sequence[InputSet], random_truth: Truth
) -> VerifyReport:
    """Checks the structure, the numbers, the outputs and the head of a file that was just written.

    Args:
        file: where it is.
        recall: loads the weights that the file should hold: now, and again where a failure is looked into, so that
            they need not be in memory all along.
        source: what the model that it came from makes of `sets`; it is checked too, and is the yardstick.
        sets: what to run, random images first.
        random_truth: the truth of these.
    """
    subject = canonical_subject(file, recall)
    if (wrong := subject.wrong) is not None:
        return VerifyReport(str(file), False, (), (f"{wrong.layer}: {wrong.detail}",), diagnosis=wrong)
    evaluation = evaluate(
        Suspect("the file", lambda: open_session(RUNTIME, file)), sets, subject.given, subject.activation
    )
    truths = Truths(subject, {(sets[0].kind, source.quantity): random_truth})
    verdict = judge(subject, sets, truths, [evaluation], source)
    diagnosis = None
    if verdict.failed:
        failed, inputs = verdict.failed[0]
        assert subject.network is not None, "a canonical file has a specification"
        diagnosis, _ = diagnose(failed.suspect, subject.network.spec, subject.network.parameters, inputs)
    return VerifyReport(
        str(file),
        not verdict.failures,
        tuple(verdict.comparisons),
        tuple(verdict.failures),
        diagnosis=diagnosis,
        truth=subject.oracle.description,
        yardstick=source.suspect.label,
    )
