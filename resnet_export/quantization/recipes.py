"""A recipe, from the file that was made with it or from its JSON."""

from __future__ import annotations

from pathlib import Path

from resnet_export.data import decode, from_json
from resnet_export.errors import InputError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.recipe import Recipe

HINT = "Give a file that `resnet-export quantize` wrote, or the JSON of its report."


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
            raise InputError(f"{path} cannot be read: {error}.", hint=HINT) from error
        found = data.get("quantization", {}).get("recipe", data) if isinstance(data, dict) else data
        return decode(Recipe, found, str(path), hint=HINT)
    metadata = read_metadata(read(path), path)
    if metadata.quantization is None:
        raise InputError(f"{path} is not quantised, and has no recipe.", hint=HINT)
    return metadata.quantization.recipe
