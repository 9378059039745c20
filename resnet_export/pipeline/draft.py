"""What an export will make: file name, preprocessing, labels, assumptions; as a report that is still to be filled."""

import contextlib
import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export.assumptions import about_pictures
from resnet_export.errors import LabelsError, UsageError
from resnet_export.files import refuse_overwriting, require_space
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport
from resnet_export.pipeline.sources import SourceModel
from resnet_export.spec import ResNetSpec
from resnet_export.terminal import number
from resnet_export.weights.published import RESIZE

PACKAGES = {"torch": ("torch", "onnxscript"), "keras": ("keras", "tensorflow-cpu", "tensorflow", "tf2onnx")}
"""Framework -> the packages that take part in its export."""


def draft_report(options: ExportOptions, source: SourceModel, stages: Mapping[str, float]) -> ExportReport:
    """The report, as far as it is known before the conversion.

    Raises:
        UsageError: the file exists, or an option does not fit the network.
        LabelsError: the labels do not fit the network.
        UnavailableError: the disk is full.
    """
    spec, weights = source.spec, source.weights
    path = Path(options.output if options.output is not None else f"resnet{spec.depth}.onnx")
    refuse_overwriting(path, force=options.force)
    preprocessing, origin, known = preprocessing_of(options, spec)
    report = ExportReport(
        path=str(path),
        framework=source.framework,
        spec=spec,
        interface=options.interface,
        preprocessing=preprocessing,
        preprocessing_origin=origin,
        weights_origin=source.origin,
        weights_digest=weights.digest,
        sha256="",
        size=0,
        nodes={},
        stages=stages,
        versions=_versions(source.framework),
        verification=None,
        assumptions=(*source.assumptions, *about_pictures(preprocessing, known)),
        labels=labels_of(options.labels, spec),
    )
    require_space(path, sum(array.nbytes for array in weights.values()))
    return report


def preprocessing_of(options: ExportOptions, spec: ResNetSpec) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known).

    It is that of the options, else that of the named weights, else the usual one.
    """
    source = options.source
    named = source if isinstance(source, str) and source in RESIZE else None
    default = Preprocessing.default(spec.in_channels, spec.image_size)
    if named is not None:
        pixels = round(RESIZE[named] * spec.image_size / 224)
        default = Preprocessing(pixels, spec.image_size, IMAGENET_MEAN, IMAGENET_STD)
    fields = ("mean", "std", "resize", "interpolation")
    given = {name: value for name in fields if (value := getattr(options, name)) is not None}
    for name in [name for name in ("mean", "std") if name in given]:
        given[name] = numbers = tuple(map(float, given[name]))
        if len(numbers) != spec.in_channels:
            raise UsageError(
                f"{name} has {len(numbers)} numbers, and the network {spec.in_channels} channels.",
                hint=f"Give one {name} per channel.",
            )
        if any(not 0 <= number <= 1 for number in numbers):
            raise UsageError(
                f"{name} {', '.join(f'{number:g}' for number in numbers)} is not on the scale 0..1.",
                hint="Divide it by 255 if it is on the scale 0..255.",
            )
    usual = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    origin = f"that of {named}" if named else usual
    if given:
        origin = f"{', '.join(given)} as given; the rest {origin}" if len(given) < len(fields) else "as given"
    return replace(default, **given), origin, set(fields if named else given)


def labels_of(labels: str | os.PathLike[str] | Sequence[str] | None, spec: ResNetSpec) -> tuple[str, ...] | None:
    """The class names, one for each logit."""
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        names = read_labels(Path(labels))
        where = f"The labels file {labels} has {number(len(names), 'line')}"
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


def _versions(framework: str) -> dict[str, str]:
    """Version of each package that takes part."""
    found = {}
    for name in ("resnet-export", *PACKAGES[framework], "numpy", "onnx", "onnx-ir", "onnxruntime-gpu", "onnxruntime"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
