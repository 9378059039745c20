"""What an export will make: file name, preprocessing, labels, assumptions; as a report that is still to be filled."""

import contextlib
import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resnet_export.assumptions import about_pictures, settled
from resnet_export.errors import CheckpointError, UsageError
from resnet_export.files import refuse_overwriting, require_space
from resnet_export.graph.interface import OUTPUTS, Head
from resnet_export.images import ADJUSTABLE, IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnet_export.labels import labels_of
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport, NetworkFacts
from resnet_export.pipeline.source_model import SourceModel
from resnet_export.sources import Trained
from resnet_export.sources.preparation import preparation_of
from resnet_export.weights.published import RESIZE

PACKAGES = {"torch": ("torch", "onnxscript"), "keras": ("keras", "tensorflow-cpu", "tensorflow", "tf2onnx")}
"""Framework -> the packages that take part in its export."""
OTHER_SIZES = (1, 32)
"""By how many pixels the sizes differ at which a network has to be the same for its height and width to be left open:
an odd one for an even one, and the same one at the stride of most networks."""
RUNTIMES = ("numpy", "onnx", "onnx-ir", "onnxruntime-gpu", "onnxruntime")
"""Packages that take part in every export."""


def draft_report(options: ExportOptions, source: SourceModel, stages: Mapping[str, float]) -> ExportReport:
    """The report, as far as it is known before the conversion.

    Raises:
        UsageError: the file exists, or an option does not fit the network.
        CheckpointError: the source has no classifier, and something else than the embedding is asked for.
        LabelsError: the labels do not fit the network.
        UnavailableError: the disk is full.
    """
    trained = source.trained
    path = Path(options.output if options.output is not None else default_name(options, trained))
    refuse_overwriting(path, force=options.force)
    preprocessing, origin, known = preprocessing_of(options, trained)
    if options.dynamic_size:
        refuse_fixed_size(trained)
    if trained.headless is not None and options.head != "embedding":
        raise CheckpointError(
            f"{trained.origin} {trained.headless}.",
            hint="Give --head embedding for the features before it. Its classes need the model itself: "
            "--model module:callable --weights FILE.",
        )
    head = options.head or own_head(trained)
    report = ExportReport(
        path=str(path),
        framework=source.framework,
        title=trained.title,
        spec=trained.spec,
        interface=replace(options.interface, head=head),
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
        labels=labels_of(trained.labels if options.labels is None else options.labels, trained.network.classes),
        outputs=(OUTPUTS[head], *trained.others),
    )
    require_space(path, sum(array.nbytes for array in trained.numbers.values()))
    return report


def default_name(options: ExportOptions, trained: Trained) -> str:
    """`resnet18.onnx`; for another network the name of its file, function or class."""
    if trained.spec is not None:
        return f"resnet{trained.spec.depth}.onnx"
    if trained.path is not None:
        return f"{Path(trained.path).stem}-canonical.onnx"
    if isinstance(options.source, str | os.PathLike):
        return f"{Path(options.source).name.partition('.')[0]}.onnx"
    return f"{trained.model.name.lower() if trained.model is not None else 'network'}.onnx"


def own_head(trained: Trained) -> Head:
    """What the source gives: logits, or what it makes of them."""
    if trained.activation == "sigmoid":
        return "probabilities" if trained.network.classes == 1 else "sigmoid"
    return "logits" if trained.activation is None else "probabilities"


def refuse_fixed_size(trained: Trained) -> None:
    """Refuses to leave height and width open where the network depends on them.

    A tracer freezes what it computes of them, and padding or pooling that depends on them may leave the shape of the
    output as it is. So the source is read again at other sizes. Specifications, and the designs of checkpoints, have
    no such steps.

    Raises:
        UsageError: it does.
    """
    channels, height, width = trained.network.image
    others = ((channels, height + more, width + more) for more in OTHER_SIZES)
    if trained.same_at is not None and not all(map(trained.same_at, others)):
        raise UsageError(
            f"The network takes images of {height} x {width} only: its source is another one at other sizes.",
            hint="Leave --dynamic-size out.",
        )


def preprocessing_of(options: ExportOptions, trained: Trained) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known): the options', else the source's."""
    default, usual, sure = preparation_of(trained)
    source, height = options.source, trained.network.image[1]
    if trained.spec is not None and isinstance(source, str) and source in RESIZE:  # published weights
        pixels = round(RESIZE[source] * height / 224)
        default = Preprocessing(pixels, height, IMAGENET_MEAN, IMAGENET_STD)
        usual, sure = f"that of {source}", set(ADJUSTABLE)
    if options.image_size is not None and "resize" in sure:
        size = options.image_size
        usual += f", and --image-size {size if isinstance(size, int) else 'x'.join(map(str, size))}"
    given = {name: value for name in ADJUSTABLE if (value := getattr(options, name)) is not None}
    origin = usual
    if given:
        rest = "as is usual" if not sure and given.keys() >= {"mean", "std"} else usual
        origin = f"{', '.join(given)} as given; the rest {rest}" if settled(given) < set(ADJUSTABLE) else "as given"
    return default.changed(**given), origin, sure | set(given)


def _versions(framework: str) -> dict[str, str]:
    """Version of each package that takes part."""
    found = {}
    for name in ("resnet-export", *PACKAGES.get(framework, ()), *RUNTIMES):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
