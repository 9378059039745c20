"""Is a file the network that it says it is? Structure, numbers, outputs and head, each checked by itself."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.graph.file import read, read_metadata
from resnet_export.parity.blame import Suspect, diagnose
from resnet_export.parity.contents import check_contents
from resnet_export.parity.gate import FILE_FACTOR, SOURCE_FACTOR, SUSPICIOUS, compare, max_error
from resnet_export.parity.inputs import picture_inputs, random_inputs
from resnet_export.parity.results import VerifyReport
from resnet_export.parity.truth import float32_values, last_values
from resnet_export.runtimes import open_session
from resnet_export.weights import Weights

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resnet_export.graph.interface import Head
    from resnet_export.parity.contents import Contents
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Comparison, Diagnosis
    from resnet_export.parity.truth import Parameters, Truth
    from resnet_export.spec import ResNetSpec

SOFTMAX_TOLERANCE = 8 * 2.0**-24
"""Of a probability: exp, sum and quotient round once each, and exp's own error is a few units."""


def verify(
    path: str | os.PathLike[str],
    *,
    weights: Weights | str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    runtimes: Sequence[str] | None = None,
) -> VerifyReport:
    """Checks a file that this package wrote.

    Args:
        path: the `.onnx` file.
        weights: the checkpoint that it should hold; None checks the file against its own numbers.
        images: a folder of pictures to run it on, beside random images.
        runtimes: `ort:cpu` (default), `torch`, `keras`.

    Returns:
        What was found; `passed` says whether the file is the network that it says it is.

    Raises:
        ModelError: the file is missing, damaged, or was not written by this package.
        CheckpointError: `weights` cannot be read.
        ImageError: `images` has no picture that can be read.
        UsageError: there is no such runtime.
        MissingDependencyError: a runtime is not installed.
    """
    file = Path(path)
    if weights is not None and not isinstance(weights, Weights):
        metadata = read_metadata(read(file), file)
        # what no tensor shows
        weights = Weights.load(weights, image_size=metadata.spec.image_size, eps=metadata.spec.eps)
    return check_file(file, runtimes or ("ort:cpu",), weights=weights, images=images)


def check_file(
    file: Path,
    runtimes: Sequence[str],
    *,
    source: Suspect | None = None,
    weights: Weights | None = None,
    images: str | os.PathLike[str] | None = None,
    random_truth: Truth | None = None,
) -> VerifyReport:
    """Checks the structure, the numbers, the outputs and the head of a file.

    Args:
        file: where it is.
        runtimes: what to run it in.
        source: the live model that it came from, which is checked too and is the yardstick.
        weights: what the file should hold; without them its own numbers are the truth.
        images: a folder of pictures.
        random_truth: the truth of `random_inputs`, when it was computed already.
    """
    contents = check_contents(file, weights)
    if (wrong := contents.wrong) is not None:
        return VerifyReport(str(file), False, (), (f"{wrong.layer}: {wrong.detail}",), diagnosis=wrong)
    with ExitStack() as stack:
        suspects = [
            Suspect("the file" if name == "ort:cpu" else f"the file in {name}", stack.enter_context(session))
            for name, session in ((name, open_session(name, file)) for name in runtimes)
        ]
        return _run(file, contents, suspects, source, images, random_truth)


def _run(
    file: Path,
    contents: Contents,
    suspects: Sequence[Suspect],
    source: Suspect | None,
    images: str | os.PathLike[str] | None,
    random_truth: Truth | None,
) -> VerifyReport:
    """Runs the file and its source on random images, and on pictures."""
    metadata, parameters = contents.metadata, contents.parameters
    spec = metadata.spec
    head = metadata.interface.head
    notes: list[str] = []
    sets: list[tuple[InputSet, Truth | None]] = [(random_inputs(metadata), random_truth)]
    if images is not None:
        pictures, notes = picture_inputs(metadata, images)
        sets.append((pictures, None))
    comparisons: list[Comparison] = []
    failures: list[str] = []
    diagnosis: Diagnosis | None = None
    for inputs, known in sets:
        truth = known if known is not None else last_values(spec, parameters, inputs.exact, compared_value(head))
        for batch in inputs.batches:
            found = _compare_batch(suspects, source, spec, parameters, inputs, truth[:batch], batch, head)
            comparisons += [comparison for _, comparison in found]
            for suspect, comparison in found:
                if comparison.passed:
                    continue
                failures.append(_sentence(suspect, comparison))
                diagnosis = diagnosis or diagnose(suspect, spec, parameters, inputs)
        if head == "probabilities":
            failures += _check_softmax(suspects, inputs)
    return VerifyReport(str(file), not failures, tuple(comparisons), tuple(failures), tuple(notes), diagnosis)


def _compare_batch(
    suspects: Sequence[Suspect],
    source: Suspect | None,
    spec: ResNetSpec,
    parameters: Parameters,
    inputs: InputSet,
    truth: Truth,
    batch: int,
    head: Head,
) -> list[tuple[Suspect, Comparison]]:
    """One batch through every suspect and the source, each held against the other."""
    outputs = [_output(suspect, inputs, batch, head) for suspect in suspects]
    images, value = inputs.normalised[:batch], compared_value(head)

    def float32_error() -> float:
        return max_error(float32_values(spec, parameters, images, value), truth)

    def held(suspect: Suspect, output: NDArray[Any], yardstick: float, factor: float) -> tuple[Suspect, Comparison]:
        name = suspect.session.name
        classifies = value == "fc"
        return suspect, compare(name, inputs.kind, output, truth, yardstick, factor=factor, classifies=classifies)

    if source is None:
        yardstick = float32_error()
        return [
            held(suspect, output, yardstick, FILE_FACTOR) for suspect, output in zip(suspects, outputs, strict=True)
        ]
    source_output = _output(source, inputs, batch, head)
    source_error = max_error(source_output, truth)
    file_error = min(max_error(output, truth) for output in outputs)
    limit = float("inf")
    if max(source_error, file_error) > SUSPICIOUS * float(np.abs(truth).max()):
        # Both sides could be wrong alike and vouch for each other: a third one, NumPy, decides.
        limit = FILE_FACTOR * float32_error()
    return [
        *(
            held(suspect, output, min(source_error, limit), FILE_FACTOR)
            for suspect, output in zip(suspects, outputs, strict=True)
        ),
        held(source, source_output, min(file_error, limit), SOURCE_FACTOR),
    ]


def compared_value(head: Head) -> str:
    """The step whose output is held against the truth: the logits, or the embedding where the file stops there."""
    return "flatten" if head == "embedding" else "fc"


def _output(suspect: Suspect, inputs: InputSet, batch: int, head: Head) -> NDArray[Any]:
    """The logits, or the embedding: what stands before any other head."""
    session = suspect.session
    if session.takes_file_input:
        images = inputs.file[:batch]
        return session.values(images, ["logits"])["logits"] if head == "probabilities" else session.run(images)
    images = inputs.normalised[:batch]
    return session.values(images, ["flatten"])["flatten"] if head == "embedding" else session.run(images)


def _check_softmax(suspects: Sequence[Suspect], inputs: InputSet) -> list[str]:
    """The probabilities of the deployed file, against the softmax of its own logits in float64."""
    failures = []
    batch = inputs.batches[-1]
    for suspect in suspects:
        if not suspect.session.takes_file_input:
            continue
        images = inputs.file[:batch]
        logits = suspect.session.values(images, ["logits"])["logits"].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = max_error(suspect.session.run(images), powers / powers.sum(axis=1, keepdims=True))
        if error > SOFTMAX_TOLERANCE:
            failures.append(
                f"{suspect.label}: its probabilities are {error:.2g} from the softmax of its logits "
                f"({SOFTMAX_TOLERANCE:.2g} is allowed)."
            )
    return failures


def _sentence(suspect: Suspect, comparison: Comparison) -> str:
    top1 = ""
    if comparison.top1_agreed + comparison.top1_exempt < comparison.batch:
        top1 = f"; top-1 agrees on {comparison.top1_agreed} images"
    return (
        f"{suspect.label} is {comparison.error:.3g} from the truth on {comparison.batch} {comparison.inputs} images "
        f"({comparison.bound:.3g} is allowed{top1})."
    )
