"""Which ranges and corrections a file gets: those with which the logits of other pictures have the least error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_export.graph.recipe import Recipe
from resnet_export.quantization.correction import correct_biases, equalise, pairs
from resnet_export.quantization.float_network import FloatNetwork
from resnet_export.quantization.noise import logits_sqnr
from resnet_export.quantization.pictures import Pictures
from resnet_export.quantization.presets import Preset
from resnet_export.quantization.ranges import AUTO, METHODS, Range
from resnet_export.quantization.results import Candidate
from resnet_export.quantization.statistics import Show, Values, measure
from resnet_export.quantization.writing import write_plain


@dataclass(frozen=True)
class Chosen:
    """What the file is made of."""

    network: FloatNetwork
    """With the numbers that are quantised."""
    ranges: Mapping[str, Range]
    recipe: Recipe
    candidates: tuple[Candidate, ...]
    pictures_run: int
    """Pictures that went through the network."""


class Chooser:
    """Tries one thing after the other, and keeps what makes the error smaller."""

    def __init__(self, network: FloatNetwork, pictures: Pictures, preset: Preset, folder: Path, show: Show) -> None:
        self._original, self._pictures, self._preset, self._folder, self._show = network, pictures, preset, folder, show
        self._part = pictures.choosing if pictures.choosing.count else pictures.calibration
        self._found: list[tuple[str, float]] = []
        self.run = 0

    def replay(self, recipe: Recipe) -> Chosen:
        """Makes what the recipe says."""
        network = self._equalised() if recipe.equalised else self._original
        values = self._measure(network)
        if recipe.bias_corrected:
            network = self._corrected(network, values, recipe)
        return Chosen(network, _ranges(values, recipe), recipe, (), self.run)

    def choose(self, recipe: Recipe) -> Chosen:
        """Finds the best; what the recipe says of ranges counts, but for `auto`."""
        network, values = self._original, self._measure(self._original)
        methods = list(METHODS) if recipe.ranges == AUTO else [recipe.ranges]
        recipes = [replace(recipe, ranges=method) for method in methods]
        errors = [self._try(method or "", network, values, one) for method, one in zip(methods, recipes, strict=True)]
        best = max(errors)
        recipe = recipes[errors.index(best)]
        kept = {recipe.ranges}
        if any(pairs(network.network)):
            other = self._equalised()
            others = self._measure(other)
            error = self._try("equalised", other, others, recipe)
            if error > best:
                network, values, best, recipe = other, others, error, replace(recipe, equalised=True)
                kept.add("equalised")
        other = self._corrected(network, values, recipe)
        if self._try("bias-corrected", other, values, recipe) > best:
            network, recipe = other, replace(recipe, bias_corrected=True)
            kept.add("bias-corrected")
        candidates = tuple(Candidate(what, sqnr, what in kept) for what, sqnr in self._found)
        return Chosen(network, _ranges(values, recipe), recipe, candidates, self.run)

    def _measure(self, network: FloatNetwork) -> dict[str, Values]:
        self.run += 2 * self._pictures.calibration.count
        return measure(network, self._pictures.calibration, self._show)

    def _try(self, what: str, network: FloatNetwork, values: Mapping[str, Values], recipe: Recipe) -> float:
        path = write_plain(network, _ranges(values, recipe), self._preset, recipe, self._folder / "candidate.onnx")
        sqnr = logits_sqnr(self._original, path, self._part)
        self.run += 2 * self._part.count
        self._found.append((what, sqnr))
        return sqnr

    def _equalised(self) -> FloatNetwork:
        network = self._original
        return network.changed(equalise(network.network, network.numbers), self._folder / "equalised.onnx")

    def _corrected(self, network: FloatNetwork, values: Mapping[str, Values], recipe: Recipe) -> FloatNetwork:
        found = correct_biases(network.network, network.numbers, values, self._preset, recipe.kept_float)
        return network.changed(found, self._folder / "corrected.onnx")


def _ranges(values: Mapping[str, Values], recipe: Recipe) -> dict[str, Range]:
    return {name: METHODS[recipe.ranges or "minmax"](found) for name, found in values.items()}
