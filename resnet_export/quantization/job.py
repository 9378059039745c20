"""`quantize`: a file in reduced precision, proven where it will run, or refused."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from resnet_export.errors import UsageError
from resnet_export.files import refuse_overwriting, reported, sha256, staged
from resnet_export.keywords import keywords_of
from resnet_export.progress import Progress
from resnet_export.quantization.half import make_half
from resnet_export.quantization.int8 import Int8
from resnet_export.quantization.made import Made
from resnet_export.quantization.options import QuantizeOptions
from resnet_export.quantization.proof import is_faster, prove
from resnet_export.quantization.results import QuantizeReport
from resnet_export.quantization.subject import Subject, bytes_of, read_subject
from resnet_export.quantization.verdict import drop, failures, open_questions, undecided


@keywords_of(QuantizeOptions)
def quantize(options: QuantizeOptions) -> QuantizeReport:
    """Writes a network in reduced precision, and proves what it is worth.

    Its parameters are the fields of `QuantizeOptions`, where each is described.

    Returns:
        What was made and found. A file that is refused is not written, unless `keep` is set: see `passed`.

    Raises:
        ModelError: the source is quantised already, or can't be read, or gives no classes.
        UsageError: an option has an invalid value, or `output` exists and `force` is not set.
        InputError: the pictures or the labels cannot be used.
        UnavailableError: the file cannot be written.
    """
    target = Path(options.output)
    refuse_overwriting(target, force=options.force)
    if isinstance(options.source, str | os.PathLike) and target.resolve() == Path(options.source).resolve():
        raise UsageError(f"{target} is the source itself.", hint="Give another --output.")
    stage = options.progress or (lambda name: contextlib.nullcontext())
    with tempfile.TemporaryDirectory(prefix="resnet-export-") as name:
        folder = Path(name)
        with stage("read"):
            subject = read_subject(options.source, folder)
        make = Int8(options, subject, folder, stage).make if options.precision == "int8" else None
        made = make() if make is not None else make_half(options, subject, folder, stage)
        report = _report(options, subject, made, folder, stage)
        if report.passed or options.keep:
            with staged(target) as temporary, reported(target):
                made.write(temporary, report.quantization)
                report = replace(report, written=True, size=bytes_of(temporary), sha256=sha256(temporary))
    return report


def _report(options: QuantizeOptions, subject: Subject, made: Made, folder: Path, stage: Progress) -> QuantizeReport:
    """Proves the file in every runtime, and says what came of it."""
    path = made.write(folder / "proof.onnx", made.quantization)
    seconds = options.seconds if made.timed else None
    network = subject.network.network
    work = {step.name: network.multiply_adds_of(step) for step in network.steps if step.name in made.quantised}
    proofs = prove(path, subject.path, work, made.held_out, seconds, stage)
    agreements = [one.agreement for one in proofs if one.agreement is not None]
    evaluated = made.evaluated
    check = None if evaluated is None else next(iter(evaluated.checks), None)
    refused = tuple(failures(proofs, check, must_be_fast=made.timed and made.here))
    open_question = None if refused else undecided(check, 0 if evaluated is None else evaluated.evaluated)
    known = replace(
        made.quantization,
        agreement=min(agreements, key=lambda one: one.value, default=None),
        drop=drop(made.evaluated),
        timed=made.timed and is_faster(proofs),
        refusal=" ".join(refused) or open_question,
    )
    held_out = 0 if made.held_out is None else made.held_out.count
    return QuantizeReport(
        source=str(options.source),
        path=str(options.output),
        written=False,
        sha256=None,
        size=bytes_of(path),
        float_size=bytes_of(subject.path),
        quantization=known,
        reason=made.reason,
        reason_source=made.source,
        candidates=made.candidates,
        layers=made.layers,
        quantised=made.quantised,
        proofs=proofs,
        attempts=made.attempts,
        check=check,
        failures=refused,
        undecided=open_question,
        pictures_run=made.pictures_run + (1 + len(proofs)) * held_out,
        notes=(*made.notes, *open_questions(proofs, check)),
    )
