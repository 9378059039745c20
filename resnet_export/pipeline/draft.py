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
from resnet_export.graph.interface import Head
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnet_export.network.operators.windows import spatial_pads
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport, NetworkFacts
from resnet_export.pipeline.source_model import SourceModel
from resnet_export.sources import Trained
from resnet_export.sources.scaling import takes_pixels
from resnet_export.terminal import number
from resnet_export.weights.published import RESIZE

FIELDS = ("mean", "std", "resize", "interpolation")
"""What is said of the preparation of pictures, beside their size."""
PACKAGES = {"torch": ("torch", "onnxscript"), "keras": ("keras", "tensorflow-cpu", "tensorflow", "tf2onnx")}
"""Framework -> the packages that take part in its export."""


def draft_report(options: ExportOptions, source: SourceModel, stages: Mapping[str, float]) -> ExportReport:
    """The report, as far as it is known before the conversion.

    Raises:
        UsageError: the file exists, or an option does not fit the network.
        LabelsError: the labels do not fit the network.
        UnavailableError: the disk is full.
    """
    trained = source.trained
    path = Path(options.output if options.output is not None else default_name(options, trained))
    refuse_overwriting(path, force=options.force)
    preprocessing, origin, known = preprocessing_of(options, trained)
    if options.dynamic_size:
        refuse_fixed_size(trained)
    report = ExportReport(
        path=str(path),
        framework=source.framework,
        title=trained.title,
        spec=trained.spec,
        interface=replace(options.interface, head=options.head or own_head(trained)),
        preprocessing=preprocessing,
        preprocessing_origin=origin,
        weights_origin=trained.origin,
        weights_digest=trained.digest,
        network=NetworkFacts.of(trained.network),
        proof=source.proof,
        sha256="",
        size=0,
        nodes={},
        stages=stages,
        versions=_versions(source.framework),
        verification=None,
        assumptions=(*trained.assumptions, *about_pictures(preprocessing, known)),
        labels=labels_of(options.labels, trained.network.classes),
    )
    require_space(path, sum(array.nbytes for array in trained.numbers.values()))
    return report


def default_name(options: ExportOptions, trained: Trained) -> str:
    """`resnet18.onnx`; for another network the name of its file, function or class."""
    if trained.spec is not None:
        return f"resnet{trained.spec.depth}.onnx"
    if isinstance(options.source, str | os.PathLike) and trained.path is None:
        return f"{Path(options.source).name.partition('.')[0]}.onnx"
    if trained.path is not None:
        return f"{Path(trained.path).stem}-canonical.onnx"
    return f"{trained.model.name.lower() if trained.model is not None else 'network'}.onnx"


def own_head(trained: Trained) -> Head:
    """What the source gives: logits, or what it makes of them."""
    if trained.activation == "sigmoid":
        return "probabilities" if trained.network.classes == 1 else "sigmoid"
    return "logits" if trained.activation is None else "probabilities"


def refuse_fixed_size(trained: Trained) -> None:
    """Refuses to leave height and width open where the network depends on them.

    Raises:
        UsageError: it does.
    """
    network = trained.network
    channels, height, width = network.image
    try:
        larger = replace(network, image=(channels, height + 32, width + 32))
        free = larger.shapes[network.output] == network.shapes[network.output]
    except ValueError:
        free = False
    strided = (step for step in network.steps if max(step.attributes.get("strides", (1,))) > 1)
    if not free or any(before != after for step in strided for before, after in spatial_pads(step.attributes)):
        raise UsageError(
            f"The network takes images of {height} x {width} only: its padding or its classifier depends on their size.",
            hint="Leave --dynamic-size out.",
        )


def preprocessing_of(options: ExportOptions, trained: Trained) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known).

    It is that of the options, else what the source says, else that of the named weights, else the usual one.
    """
    source, network = options.source, trained.network
    channels, height, width = network.image
    named = source if isinstance(source, str) and source in RESIZE and trained.spec is not None else None
    default = Preprocessing.default(channels, min(height, width))
    usual = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    sure: set[str] = set()
    if named is not None:
        pixels = round(RESIZE[named] * height / 224)
        default, usual = Preprocessing(pixels, height, IMAGENET_MEAN, IMAGENET_STD), f"that of {named}"
        sure = {"mean", "std", "resize", "interpolation"}
    elif takes_pixels(network, trained.numbers):
        default = replace(default, mean=(0.0,) * channels, std=(1 / 255,) * channels)
        usual, sure = "the network scales pixels 0..255 by itself", {"mean", "std"}
    elif trained.preprocessing:
        said = {name: trained.preprocessing[name] for name in FIELDS if name in trained.preprocessing}
        said["resize"] = max(said.get("resize", default.resize), default.crop)
        default, usual, sure = replace(default, **said), "what the source says of it", set(said)
    given = {name: value for name in FIELDS if (value := getattr(options, name)) is not None}
    for name in [name for name in ("mean", "std") if name in given]:
        given[name] = numbers = tuple(map(float, given[name]))
        if len(numbers) != channels:
            raise UsageError(
                f"{name} has {len(numbers)} numbers, and the network {channels} channels.",
                hint=f"Give one {name} per channel.",
            )
        if any(not 0 <= number <= 1 for number in numbers):
            raise UsageError(
                f"{name} {', '.join(f'{number:g}' for number in numbers)} is not on the scale 0..1.",
                hint="Divide it by 255 if it is on the scale 0..255.",
            )
    origin = usual
    if given:
        origin = f"{', '.join(given)} as given; the rest {usual}" if len(given) < len(FIELDS) else "as given"
    return replace(default, **given), origin, sure | set(given)


def labels_of(labels: str | os.PathLike[str] | Sequence[str] | None, classes: int) -> tuple[str, ...] | None:
    """The class names, one for each logit."""
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        names = read_labels(Path(labels))
        where = f"The labels file {labels} has {number(len(names), 'line')}"
    else:
        names, where = tuple(labels), f"{len(labels)} labels were given"
    if len(names) != classes:
        raise LabelsError(f"{where}, and the network has {classes} classes.", hint="Give one label per class.")
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
    for name in (
        "resnet-export",
        *PACKAGES.get(framework, ()),
        "numpy",
        "onnx",
        "onnx-ir",
        "onnxruntime-gpu",
        "onnxruntime",
    ):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
