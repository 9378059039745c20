"""From a network and pictures to a file in int8, with the layers in float32 that it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.evaluate import evaluate
from resnet_export.classify.measures import EvaluateReport
from resnet_export.data import decode, from_json
from resnet_export.errors import InputError, UsageError, did_you_mean
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.recipe import Quantization, Recipe
from resnet_export.machine.cpu import read_cpu
from resnet_export.progress import Progress
from resnet_export.quantization.choice import Chooser, Chosen
from resnet_export.quantization.made import Made
from resnet_export.quantization.noise import layer_noise, most_sensitive
from resnet_export.quantization.options import QuantizeOptions
from resnet_export.quantization.pictures import Pictures, gather, noise, prepare
from resnet_export.quantization.presets import find_preset, is_here, runs_here
from resnet_export.quantization.proof import timed
from resnet_export.quantization.results import Attempt, LayerNoise
from resnet_export.quantization.subject import Subject
from resnet_export.quantization.writing import quantised, quantised_layers, write_plain

RANDOM = (
    "CALIBRATED ON RANDOM NUMBERS: the ranges are not those of pictures, and what was found here says nothing of them."
)
OVERFLOWS = (
    "This CPU has no VNNI: in ort:cpu sums of products of 8 bits overflow here, so that it agrees less with float32 "
    "than on its target."
)
NO_RECIPE = "Give a file that `resnet-export quantize` wrote, or the JSON of its report."
SECONDS = 5.0
"""Of the comparison of an attempt with float32."""
PARTS = 2
"""Random pictures for each of `samples`: enough for those that are held out and those that choose."""


class Int8:
    """One quantisation to 8 bits."""

    def __init__(self, options: QuantizeOptions, subject: Subject, folder: Path, stage: Progress) -> None:
        self._options, self._subject, self._folder, self._stage = options, subject, folder, stage
        self._cpu = read_cpu()
        self._recipe = None if options.recipe is None else read_recipe(Path(options.recipe))
        wanted = options.target if self._recipe is None else self._recipe.preset or options.target
        self._preset = find_preset(wanted, self._cpu)
        self._timed = runs_here(self._preset, self._cpu)
        self._refuse_unknown(options.keep_float if self._recipe is None else self._recipe.kept_float)
        self._attempts: list[Attempt] = []
        self._run = 0

    def make(self) -> Made:
        """Everything but the proof."""
        pictures = prepared(self._options, self._subject, self._folder, self._stage)
        chosen = self._choose(pictures)
        part = pictures.calibration
        known = Quantization(chosen.recipe, part.digest, part.count, self._options.calibrate_random, self._options.seed)
        with self._stage("layers"):
            layers = self._layers(chosen, pictures)
        chosen, evaluated = self._guard(chosen, known, layers)
        return Made(
            quantization=replace(known, recipe=chosen.recipe),
            write=lambda path, made: self._write(chosen, path, made),
            held_out=pictures.held_out,
            timed=self._timed,
            here=is_here(self._preset, self._cpu),
            reason=self._preset.reason,
            source=self._preset.source,
            candidates=chosen.candidates,
            layers=layers,
            quantised=self._quantised(chosen.recipe),
            attempts=tuple(self._attempts),
            evaluated=evaluated,
            pictures_run=self._run,
            notes=(*self._warnings(), *pictures.notes),
        )

    def _choose(self, pictures: Pictures) -> Chosen:
        with self._stage("calibrate") as show:
            told = show if callable(show) else None
            chooser = Chooser(self._subject.network, pictures, self._preset, self._folder, told)
            if self._recipe is not None:
                chosen = chooser.replay(self._recipe)
            else:
                kept = tuple(self._options.keep_float)
                chosen = chooser.choose(Recipe(preset=self._preset.name, ranges=self._options.ranges, kept_float=kept))
        self._run += chosen.pictures_run
        return chosen

    def _layers(self, chosen: Chosen, pictures: Pictures) -> tuple[LayerNoise, ...]:
        """The noise of each step, on pictures on which the file does not depend, where there are such."""
        part = pictures.held_out if pictures.held_out.count else pictures.calibration
        path = write_plain(chosen.network, chosen.ranges, self._preset, chosen.recipe, self._folder / "plain.onnx")
        self._run += 2 * part.count
        return layer_noise(chosen.network, path, part)

    def _guard(
        self, chosen: Chosen, known: Quantization, layers: Sequence[LayerNoise]
    ) -> tuple[Chosen, EvaluateReport | None]:
        """Returns layers to float32, the most sensitive first, until the limit is kept; without one it evaluates."""
        if self._options.labelled is None:
            return chosen, None
        left = most_sensitive(self._subject.network.network, layers, self._quantised(chosen.recipe))
        while True:
            kept = chosen.recipe.kept_float
            with self._stage(f"evaluate {len(kept)} kept" if kept else "evaluate"):
                evaluated = self._evaluate(chosen, known)
            failed = any(check.status == "failed" for check in evaluated.checks)
            # With the last layer in float32 nothing would be quantised.
            if not failed or len(left) < 2 or self._recipe is not None:
                return chosen, evaluated
            chosen = replace(chosen, recipe=replace(chosen.recipe, kept_float=(*kept, left.pop(0))))

    def _evaluate(self, chosen: Chosen, known: Quantization) -> EvaluateReport:
        assert self._options.labelled is not None, "it is evaluated on labelled pictures"
        path = self._write(chosen, self._folder / "attempt.onnx", replace(known, recipe=chosen.recipe))
        found = evaluate(path, self._options.labelled, against=self._subject.path, max_drop=self._options.max_drop)
        self._run += 2 * found.evaluated
        ratio = timed(self._subject.path, path, SECONDS).ratio if found.checks and self._timed else None
        self._attempts += attempts_of(chosen.recipe.kept_float, found, ratio)
        return found

    def _write(self, chosen: Chosen, path: Path, made: Quantization) -> Path:
        """The file as it is called from outside."""
        model = quantised(chosen.network.graph(), chosen.ranges, self._preset, chosen.recipe)
        return chosen.network.write(model, path, made)

    def _quantised(self, recipe: Recipe) -> tuple[str, ...]:
        return quantised_layers(self._subject.network.network, self._preset, recipe)

    def _warnings(self) -> Iterator[str]:
        if self._options.calibrate_random:
            yield RANDOM
        if self._cpu.saturates and self._preset.activations == "uint8" and not self._preset.reduced:
            yield OVERFLOWS

    def _refuse_unknown(self, names: Sequence[str]) -> None:
        known = self._quantised(Recipe())
        for name in names:
            if name not in known:
                raise UsageError(
                    f"The network has no layer {name!r} that would be quantised.",
                    hint=f"{did_you_mean(name, known)}Choose from {', '.join(known)}.",
                )


def attempts_of(kept: tuple[str, ...], found: EvaluateReport, ratio: Estimate | None = None) -> tuple[Attempt, ...]:
    """What the labelled pictures say of a file with these layers in float32, where there is a limit."""
    return tuple(Attempt(kept, one.found, one.status, ratio) for one in found.checks)


def prepared(options: QuantizeOptions, subject: Subject, folder: Path, stage: Progress) -> Pictures:
    """The pictures that were given, or random numbers, ready for the network."""
    given = options.calibrate
    with stage("prepare") as show:
        if given is None:
            dataset = noise(PARTS * options.samples, subject.network.preprocessing, options.seed)
        else:
            dataset = gather([given] if isinstance(given, str | os.PathLike) else given)
        told = show if callable(show) else None
        return prepare(dataset, subject.classifier, folder, options.samples, options.seed, told)


def read_recipe(path: Path) -> Recipe:
    """The recipe in int8 of a quantised file, or of a report.

    Raises:
        InputError: it has none.
    """
    recipe = _recipe_of(path)
    if recipe.precision != "int8":
        raise InputError(
            f"{path} is of {recipe.precision}, and a recipe is of int8.", hint="Give --precision fp16 in its place."
        )
    return recipe


def _recipe_of(path: Path) -> Recipe:
    if path.suffix.lower() == ".json":
        try:
            data = from_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}.", hint=NO_RECIPE) from error
        found = data.get("quantization", {}).get("recipe", data) if isinstance(data, dict) else data
        return decode(Recipe, found, str(path), hint=NO_RECIPE)
    metadata = read_metadata(read(path), path)
    if metadata.quantization is None:
        raise InputError(f"{path} is not quantised, and has no recipe.", hint=NO_RECIPE)
    return metadata.quantization.recipe
