"""What an export is asked for, resolved: framework, weights, preprocessing and labels."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_export.errors import LabelsError, MissingDependencyError, UsageError
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnet_export.models import FRAMEWORKS
from resnet_export.optional import install_line
from resnet_export.spec import IMAGE_SIZES, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.published import RESIZE, fetch

if TYPE_CHECKING:
    from collections.abc import Sequence


Source = Any
"""A `ResNetSpec`, `Weights`, a path or published name, a `torch.nn.Module` or a `keras.Model`; None: a new network."""


def choose_framework(asked: str | None, source: Source) -> str:
    """The one asked for, else that of the source, else one that is installed."""
    if asked is not None and asked not in FRAMEWORKS:
        raise UsageError(f"There is no framework {asked!r}.", hint=f"Choose one of {', '.join(FRAMEWORKS)}.")
    live = _framework_of(source)
    if live is not None and asked not in (None, live):
        raise UsageError(
            f"The framework {asked} was asked for, and the source is a model of {live}.",
            hint=f"Leave the framework out, or pass Weights read with resnet_export.models.{live}.read.",
        )
    by_suffix = "keras" if str(source).endswith((".keras", ".weights.h5")) else "torch"
    wanted = asked or live
    candidates = [wanted] if wanted else [by_suffix, *(name for name in FRAMEWORKS if name != by_suffix)]
    found = next((name for name in candidates if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise MissingDependencyError(
            f"The export needs {' or '.join(candidates)}, which is not installed.",
            hint=f"Install it with: {install_line(candidates[0])}",
        )
    return found


def _framework_of(source: Source) -> str | None:
    """The framework of a live model, found without importing either: who made it has imported it."""
    classes = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(source).__mro__}
    if "torch.Module" in classes:
        return "torch"
    return "keras" if "keras.Model" in classes else None


class Loaded(NamedTuple):
    """A source, read."""

    weights: Weights
    origin: str
    """Where the weights come from, in words."""
    model: Any = None
    """The live model, if the source is one."""


def load(source: Source, framework: str, asked: dict[str, Any], seed: int) -> Loaded:
    """Reads the source; `asked` are fields of the specification, None where they were not asked for."""
    if _framework_of(source) is not None:
        model = getattr(source, "_orig_mod", source)  # what torch.compile wrapped
        weights = importlib.import_module(FRAMEWORKS[framework]).read(model, **asked)
        return Loaded(weights, f"the {framework} model", model)
    if isinstance(source, Weights):
        _refuse_contradiction(source.spec, asked)
        return Loaded(source, "the weights given")
    if isinstance(source, ResNetSpec) or source is None:
        spec = source or _new_spec(asked)
        _refuse_contradiction(spec, asked)
        return Loaded(Weights.initial(spec, seed), f"He initialisation, seed {seed}")
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"A {type(source).__name__} cannot be exported.",
            hint="Pass a ResNetSpec, Weights, the path of a checkpoint, a torch.nn.Module or a keras.Model.",
        )
    name = os.fspath(source)
    if name in RESIZE and not Path(name).exists():
        path = fetch(name, asked["depth"] or ResNetSpec.depth)
        weights = Weights.load(path, **asked)
        weights.assumptions = ()  # whose network it is, is published with it
        return Loaded(weights, f"{name} ({path.name})")
    return Loaded(Weights.load(name, **asked), Path(name).name)


def _new_spec(asked: dict[str, Any]) -> ResNetSpec:
    given = {name: value for name, value in asked.items() if value is not None}
    return ResNetSpec(**({"image_size": IMAGE_SIZES.get(given.get("stem", "imagenet"), 224)} | given))


def _refuse_contradiction(spec: ResNetSpec, asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if value is not None and value != getattr(spec, name):
            raise UsageError(
                f"{name} {value!r} was asked for, and the source has {getattr(spec, name)!r}.",
                hint=f"Leave {name} out, or pass another source.",
            )


def preprocessing_of(
    spec: ResNetSpec,
    source: Source,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    resize: int | None,
    interpolation: str | None,
) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known).

    It is that of the options, else that of the named weights, else the usual one.
    """
    named = source if isinstance(source, str) and source in RESIZE else None
    default = Preprocessing.default(spec.in_channels, spec.image_size)
    if named is not None:
        pixels = round(RESIZE[named] * spec.image_size / 224)
        default = Preprocessing(pixels, spec.image_size, IMAGENET_MEAN, IMAGENET_STD)
    options: dict[str, Any] = {
        "mean": None if mean is None else tuple(map(float, mean)),
        "std": None if std is None else tuple(map(float, std)),
        "resize": resize,
        "interpolation": interpolation,
    }
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("mean", "std"):
        if name in given and len(given[name]) != spec.in_channels:
            raise UsageError(
                f"{name} has {len(given[name])} numbers, and the network {spec.in_channels} channels.",
                hint=f"Give one {name} per channel.",
            )
        if any(not 0 <= number <= 1 for number in given.get(name, ())):
            raise UsageError(
                f"{name} {', '.join(f'{number:g}' for number in given[name])} is not on the scale 0..1.",
                hint="Divide it by 255 if it is on the scale 0..255.",
            )
    usual = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    origin = f"that of {named}" if named else usual
    if given:
        origin = f"{', '.join(given)} as given; the rest {origin}" if len(given) < len(options) else "as given"
    return replace(default, **given), origin, set(options if named else given)


def labels_of(labels: str | os.PathLike[str] | Sequence[str] | None, spec: ResNetSpec) -> tuple[str, ...] | None:
    """The class names, one for each logit."""
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        names = read_labels(Path(labels))
        where = f"The labels file {labels} has {len(names)} lines"
    else:
        names, where = tuple(labels), f"{len(labels)} labels were given"
    if len(names) != spec.num_classes:
        raise LabelsError(f"{where}, and the network has {spec.num_classes} classes.", hint="Give one label per class.")
    return names


def read_labels(path: Path) -> tuple[str, ...]:
    """The lines of a text file, without a byte order mark and without empty lines at its end.

    Raises:
        LabelsError: it can't be read, is JSON, or has an empty line before its end.
    """
    hint = "Give a text file, one class a line."
    try:
        text = path.read_text(encoding="utf-8-sig").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise LabelsError(f"The labels file {path} cannot be read: {reason}.", hint=hint) from error
    if text.startswith(("{", "[")):
        raise LabelsError(
            f"The labels file {path} is JSON.", hint="Write its class names into a text file, one a line."
        )
    names = tuple(line.strip() for line in text.splitlines())
    if "" in names:
        raise LabelsError(f"The labels file {path} has nothing in line {names.index('') + 1}.", hint=hint)
    return names
