"""`quantize`: a file in reduced precision, proven where it will run, or refused."""

from __future__ import annotations

import contextlib
import inspect
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec

import onnx_ir as ir

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.evaluate import evaluate
from resnet_export.classify.measures import Check, EvaluateReport
from resnet_export.errors import UsageError, did_you_mean
from resnet_export.files import refuse_overwriting, reported, sha256, staged
from resnet_export.graph.file import write
from resnet_export.graph.metadata import initializers_digest
from resnet_export.graph.recipe import Quantization, Recipe, Share
from resnet_export.machine.cpu import read_cpu
from resnet_export.quantization.choice import Chooser, Chosen
from resnet_export.quantization.float_network import FloatNetwork, read_float_network
from resnet_export.quantization.noise import layer_noise, most_sensitive
from resnet_export.quantization.options import QuantizeOptions
from resnet_export.quantization.pictures import Pictures, gather, noise, prepare
from resnet_export.quantization.presets import Preset, find_preset, is_here, runs_here
from resnet_export.quantization.proof import is_faster, prove
from resnet_export.quantization.recipes import read_recipe
from resnet_export.quantization.results import Attempt, LayerNoise, QuantizeReport, RuntimeProof
from resnet_export.quantization.subject import bytes_of, classifier_of, float_file
from resnet_export.quantization.writing import quantised, quantised_layers, write_plain

P = ParamSpec("P")
LEAST_AGREEMENT = 0.95
"""A file whose whole interval lies below it is another classifier, whatever its pictures are."""
RANDOM = (
    "CALIBRATED ON RANDOM NUMBERS: the ranges are not those of pictures, and what was found here says nothing of them."
)


def run(options: QuantizeOptions) -> QuantizeReport:
    """Does what `quantize` says, for options in one value."""
    refuse_overwriting(options.output, force=options.force)
    stage = options.progress or (lambda name: contextlib.nullcontext())
    with tempfile.TemporaryDirectory(prefix="resnet-export-") as folder:
        with stage("read"):
            source = float_file(options.source, Path(folder))
            network = read_float_network(source, Path(folder))
            classifier = classifier_of(source)
        job = _Int8(options, Path(folder), source, network, classifier, stage)
        report = job.make()
        target = Path(options.output)
        if report.passed or options.keep:
            with staged(target) as temporary, reported(target):
                job.write(temporary, _marked(report))
                size, digest = bytes_of(temporary), sha256(temporary)
            report = replace(report, written=True, quantization=_marked(report), size=size, sha256=digest)
    return report


def _marked(report: QuantizeReport) -> Quantization:
    """What the file says of itself; of one that is refused, why."""
    why = [*report.failures, *([] if report.undecided is None else [report.undecided])]
    return replace(report.quantization, refusal=" ".join(why) or None)


@dataclass
class _Int8:
    """One quantisation to 8 bits."""

    options: QuantizeOptions
    folder: Path
    source: Path
    """The file in float32."""
    network: FloatNetwork
    classifier: Classifier
    stage: Callable[[str], Any]
    preset: Preset = field(init=False)
    chosen: Chosen = field(init=False)
    attempts: list[Attempt] = field(default_factory=list)
    pictures_run: int = 0

    def make(self) -> QuantizeReport:
        """Everything but the file itself."""
        asked = read_recipe(Path(self.options.recipe)) if self.options.recipe is not None else None
        cpu = read_cpu()
        self.preset = find_preset(asked.preset if asked and asked.preset else self.options.target, cpu)
        self._refuse_unknown_layers(self.options.keep_float)
        pictures = self._pictures()
        with self.stage("calibrate") as show:
            chooser = Chooser(self.network, pictures, self.preset, self.folder, show if callable(show) else None)
            kept = tuple(self.options.keep_float)
            recipe = Recipe(preset=self.preset.name, ranges=self.options.ranges, kept_float=kept)
            self.chosen = chooser.choose(recipe) if asked is None else chooser.replay(asked)
        self.pictures_run += self.chosen.pictures_run
        digest = pictures.calibration.digest
        known = Quantization(
            self.chosen.recipe, digest, pictures.calibration.count, self.options.calibrate_random, self.options.seed
        )
        check, layers = self._guard(pictures, known)
        known = replace(known, recipe=self.chosen.recipe)
        path = self.write(self.folder / "proof.onnx", known)
        timed = runs_here(self.preset, cpu)
        named = quantised_layers(self.network.network, self.preset, self.chosen.recipe)
        proofs = prove(
            path, self.source, self.network.network, named, pictures.held_out,
            self.options.seconds if timed else None, self.stage,
        )  # fmt: skip
        self.pictures_run += (1 + len(proofs)) * pictures.held_out.count
        failures = tuple(self._failures(proofs, check, here=is_here(self.preset, cpu)))
        agreements = [one.agreement for one in proofs if one.agreement is not None]
        return QuantizeReport(
            source=str(self.options.source),
            path=str(self.options.output),
            written=False,
            sha256=None,
            size=bytes_of(path),
            float_size=bytes_of(self.source),
            quantization=replace(
                known,
                agreement=min(agreements, key=lambda one: one.value, default=None),
                drop=None if check is None else _share(check),
                timed=timed and is_faster(proofs),
            ),
            reason=self.preset.reason,
            reason_source=self.preset.source,
            candidates=self.chosen.candidates,
            layers=layers,
            quantised=named,
            proofs=proofs,
            attempts=tuple(self.attempts),
            check=None if check is None else check.checks[0],
            failures=failures,
            undecided=_undecided(check) if not failures else None,
            pictures_run=self.pictures_run,
            notes=tuple([RANDOM] * self.options.calibrate_random + list(pictures.notes)),
        )

    def write(self, path: Path, known: Quantization) -> Path:
        """Writes the file as it is called from outside."""
        network = self.chosen.network
        model: ir.Model = quantised(network.graph(), self.chosen.ranges, self.preset, self.chosen.recipe)
        metadata = replace(self.network.metadata, initializers_digest=initializers_digest(model), quantization=known)
        write(model, path, metadata)
        return path

    def _pictures(self) -> Pictures:
        given = self.options.calibrate
        with self.stage("prepare") as show:
            if given is None:
                # Enough for all three parts.
                dataset = noise(2 * self.options.samples, self.network.preprocessing, self.options.seed)
            else:
                dataset = gather([given] if isinstance(given, str | os.PathLike) else given)
            told = show if callable(show) else None
            return prepare(dataset, self.classifier, self.folder, self.options.samples, self.options.seed, told)

    def _guard(self, pictures: Pictures, known: Quantization) -> tuple[EvaluateReport | None, tuple[LayerNoise, ...]]:
        """Returns layers to float32, the most sensitive first, until the accuracy is kept; none without a limit."""
        part = pictures.held_out if pictures.held_out.count else pictures.calibration
        check = None
        if self.options.labelled is not None:
            with self.stage("evaluate"):
                check = self._evaluate(known)
        with self.stage("layers"):
            plain = write_plain(
                self.chosen.network, self.chosen.ranges, self.preset, self.chosen.recipe, self.folder / "plain.onnx"
            )
            layers = layer_noise(self.chosen.network, plain, part)
            self.pictures_run += 2 * part.count
        named = quantised_layers(self.network.network, self.preset, self.chosen.recipe)
        left = most_sensitive(self.network.network, layers, named)
        while check is not None and check.checks and check.checks[0].status == "failed" and len(left) > 1:
            recipe = self.chosen.recipe
            self.chosen = replace(self.chosen, recipe=replace(recipe, kept_float=(*recipe.kept_float, left.pop(0))))
            with self.stage(f"keep {self.chosen.recipe.kept_float[-1]}"):
                check = self._evaluate(replace(known, recipe=self.chosen.recipe))
        return check, layers

    def _evaluate(self, known: Quantization) -> EvaluateReport:
        assert self.options.labelled is not None, "it is evaluated on labelled pictures"
        path = self.write(self.folder / "attempt.onnx", known)
        found = evaluate(path, self.options.labelled, against=self.source, max_drop=self.options.max_drop)
        self.pictures_run += 2 * found.evaluated
        if found.checks:
            one = found.checks[0]
            self.attempts.append(Attempt(self.chosen.recipe.kept_float, one.found, one.status))
        return found

    def _refuse_unknown_layers(self, names: Sequence[str]) -> None:
        known = quantised_layers(self.network.network, self.preset, Recipe())
        for name in names:
            if name not in known:
                raise UsageError(
                    f"The network has no layer {name!r} that would be quantised.",
                    hint=f"{did_you_mean(name, known)}It has {', '.join(known[:3])} and so on; inspect names all.",
                )

    def _failures(self, proofs: Sequence[RuntimeProof], check: EvaluateReport | None, *, here: bool) -> Iterator[str]:
        if check is not None and check.checks and check.checks[0].status == "failed":
            yield f"It is {check.checks[0].found.value:.2%} less accurate than float32, and {_limit(check)} is allowed."
        elif self.options.max_drop is None:
            for one in proofs:
                if one.agreement is not None and one.agreement.high < LEAST_AGREEMENT:
                    yield (
                        f"In {one.runtime} it gives float32's class to {one.agreement.value:.1%} of the held-out "
                        f"pictures, and to {one.agreement.high:.1%} at best."
                    )
        if all(one.error is not None for one in proofs):
            yield "No runtime ran it."
        elif here and not is_faster(proofs):
            yield "It is not faster than float32 on this machine."


def _share(check: EvaluateReport) -> Share | None:
    if check.paired is None:
        return None
    found = check.paired.difference
    low, high = found.interval or (-1.0, 1.0)
    return Share(-found.value or 0.0, -high, -low, check.evaluated)


def _limit(check: EvaluateReport) -> str:
    return f"{check.checks[0].limit:.2%}"


def _undecided(check: EvaluateReport | None) -> str | None:
    if check is None or not check.checks or check.checks[0].status != "undecided":
        return None
    one: Check = check.checks[0]
    low, high = one.found.interval or (-1.0, 1.0)
    needed = "" if one.needs_pictures is None else f" {one.needs_pictures:,} labelled pictures would probably tell."
    return (
        f"{check.evaluated:,} labelled pictures don't tell whether it is at most {_limit(check)} less accurate: the "
        f"drop is {one.found.value:.2%}, between {low:.2%} and {high:.2%}.{needed}"
    )


def _quantizing(options: Callable[P, QuantizeOptions]) -> Callable[P, QuantizeReport]:
    """`quantize`, whose parameters are the fields of `QuantizeOptions`, for type checkers as for `help`."""

    def quantize(*arguments: P.args, **named: P.kwargs) -> QuantizeReport:
        """Writes a network in reduced precision, and proves what it is worth.

        Args:
            arguments: the source and the output.
            named: the other fields of `QuantizeOptions`, where each is described.

        Returns:
            What was made and found. A file that is refused is not written, unless `keep` is set: see `passed`.

        Raises:
            ModelError: the source is quantised already, or can't be read, or gives no classes.
            UsageError: an option has an invalid value, or `output` exists and `force` is not set.
            InputError: the pictures or the labels cannot be used.
            UnavailableError: the file cannot be written.
        """
        return run(options(*arguments, **named))

    signature = inspect.signature(options).replace(return_annotation=QuantizeReport)
    vars(quantize).update(__signature__=signature)
    return quantize


quantize = _quantizing(QuantizeOptions)
"""Reduced precision that keeps its word."""
