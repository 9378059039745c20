"""What an export will make: file name, preprocessing, labels, assumptions; as a report that is still to be filled."""

import contextlib
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

from resnet_export.assumptions import about_pictures
from resnet_export.files import refuse_overwriting, require_space
from resnet_export.images import ADJUSTABLE, IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnet_export.labels import labels_of
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport
from resnet_export.pipeline.sources import SourceModel
from resnet_export.spec import ResNetSpec
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
        labels=labels_of(options.labels, spec.num_classes),
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
    given = {name: value for name in ADJUSTABLE if (value := getattr(options, name)) is not None}
    usual = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    origin = f"that of {named}" if named else usual
    if given:
        origin = f"{', '.join(given)} as given; the rest {origin}" if len(given) < len(ADJUSTABLE) else "as given"
    return default.changed(**given), origin, set(ADJUSTABLE if named else given)


def _versions(framework: str) -> dict[str, str]:
    """Version of each package that takes part."""
    found = {}
    for name in ("resnet-export", *PACKAGES[framework], "numpy", "onnx", "onnx-ir", "onnxruntime-gpu", "onnxruntime"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
