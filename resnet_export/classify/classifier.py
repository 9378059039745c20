"""A file as a classifier of pictures: what it takes, how pictures are prepared for it, what it gives, its labels.

A file of this project says so itself; of any other one the graph is read, and the rest is assumed.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx_ir as ir

from resnet_export.assumptions import Assumption, about_image_size, about_pictures, settled
from resnet_export.classify.results import Override
from resnet_export.errors import ModelError, UsageError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.foreign import ImageInput, find_head, image_input, last_node
from resnet_export.graph.interface import Head
from resnet_export.graph.metadata import Metadata, is_ours
from resnet_export.images import ADJUSTABLE, MODES, Aspect, Interpolation, Preprocessing
from resnet_export.labels import labels_of
from resnet_export.progress import Progress
from resnet_export.runtimes import RuntimeSpec, parse_runtime
from resnet_export.spec import IMAGE_SIZES
from resnet_export.terminal import numbers

CLASSIFYING: tuple[Head, ...] = ("logits", "probabilities", "sigmoid")
"""Heads that give a value for each class."""
NORMALISING = {"mean", "std"}
"""What a file that takes pixels has in it, and no option can change."""
PREPARED = ("uint8", "float16", "bfloat16", "float32", "float64")
"""Types of input that pictures can be prepared for."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a file is run on pictures. Of what it is and takes, None stands for what the file says."""

    labels: str | os.PathLike[str] | Sequence[str] | None = None
    """A text file with a class a line, `imagenet`, or the names."""
    image_size: int | None = None
    """Height and width in pixels, for a file that leaves them open."""
    resize: int | None = None
    """Length of the shorter side after the resize, in pixels. This and the next three are the usual ones for a file
    that says nothing."""
    mean: Sequence[float] | None = None
    """Of each channel, on the scale 0..1."""
    std: Sequence[float] | None = None
    """Of each channel, on the scale 0..1."""
    interpolation: Interpolation | None = None
    """How the pictures are resized."""
    aspect: Aspect | None = None
    """`squashed`: to a square whatever their sides are, and then not cropped; `kept`: by the shorter side."""
    head: Head | None = None
    """What the output is: `logits`, `probabilities`, or `sigmoid` (of each class by itself)."""
    allow_fallback: bool = False
    """Goes on where nodes do not run on the provider that was asked for, and says so."""
    progress: Progress | None = None
    """Entered around each stage with its name."""

    @property
    def stage(self) -> Progress:
        """`progress`, or what does nothing."""
        return self.progress or (lambda name: contextlib.nullcontext())

    def spec_of(self, runtime: str) -> RuntimeSpec:
        """A runtime by its name.

        Raises:
            UsageError: there is none.
        """
        return parse_runtime(runtime).with_fallback(self.allow_fallback)

    @property
    def adjustments(self) -> dict[str, Any]:
        """The fields of the preprocessing that were given."""
        return {name: value for name in ADJUSTABLE if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Classifier:
    """A file that gives a value for each class of a picture."""

    path: Path
    taken: ImageInput
    preprocessing: Preprocessing
    output: str
    """Name of the output that is taken: the first."""
    head: Head
    labels: tuple[str, ...] | None
    """In the order of the classes; None where there are none."""
    metadata: Metadata | None
    """What the file says of itself; None where it says nothing."""
    assumptions: tuple[Assumption, ...] = ()
    """What was taken for granted."""
    overrides: tuple[Override, ...] = ()
    """What the caller wanted otherwise than the file says."""
    notes: tuple[str, ...] = ()

    @property
    def raw_pixels(self) -> bool:
        """Whether the file takes pixels 0..255 and normalises them itself."""
        return self.taken.dtype == "uint8"

    @property
    def head_is_assumed(self) -> bool:
        """Whether nothing shows that the output is what it was taken for."""
        return any(one.name == "output" for one in self.assumptions)


def read_classifier(path: Path, asked: Asked) -> Classifier:
    """Reads a file.

    Raises:
        ModelError: it is missing or damaged, takes no picture, or gives no classes.
        UsageError: what was asked for contradicts the file, or is outside its range.
        LabelsError: the labels can't be read, or are not one for each class.
    """
    model = read(path)
    metadata = read_metadata(model, path) if is_ours(model) else None
    taken = image_input(model, path)
    _check_input(taken, path)
    _check_asked(taken, path, asked)
    stated = _preprocessing(taken, metadata, asked.image_size)
    preprocessing = stated.changed(**asked.adjustments)
    read_off = _head(model, metadata, path)
    head: Head = asked.head or read_off or "logits"
    outputs = model.graph.outputs
    given = labels_of(asked.labels, _classes(model))
    several = f"The file has {len(outputs)} outputs; the first, {outputs[0].name}, was taken."
    overrides = [] if metadata is None else list(_overridden(metadata.preprocessing, preprocessing, asked))
    if read_off is not None and head != read_off:
        overrides.append(Override("output", head, read_off))
    return Classifier(
        path=path,
        taken=taken,
        preprocessing=preprocessing,
        output=outputs[0].name or "",
        head=head,
        labels=metadata.labels if asked.labels is None and metadata is not None else given,
        metadata=metadata,
        assumptions=tuple(_assumptions(taken, preprocessing, metadata, read_off, asked)),
        overrides=tuple(overrides),
        notes=(several,) if len(outputs) > 1 else (),
    )


def _check_input(taken: ImageInput, path: Path) -> None:
    if taken.channels not in MODES:
        raise ModelError(
            f"{path} takes {taken.channels} channels, and pictures have 1, 3 or 4.",
            hint="Give a file that takes pictures.",
        )
    if taken.dtype not in PREPARED:
        raise ModelError(
            f"{path} takes {taken.dtype}, and it doesn't say how pixels become that.",
            hint="Give a file that takes floating-point numbers, or pixels as uint8.",
        )
    if taken.height is not None and taken.width is not None and taken.height != taken.width:
        raise ModelError(
            f"{path} takes pictures of {taken.height} x {taken.width} pixels, and they are cropped to squares.",
            hint="Export it with one size for height and width.",
        )


def _check_asked(taken: ImageInput, path: Path, asked: Asked) -> None:
    if taken.prepares and (asked.image_size is not None or asked.adjustments):
        names = ", ".join(
            f"--{name.replace('_', '-')}" for name in ("image_size", *ADJUSTABLE) if getattr(asked, name) is not None
        )
        raise UsageError(
            f"{path} prepares its pictures itself: {names} would change nothing.", hint="Leave out what was given."
        )
    size = taken.height or taken.width
    if asked.image_size is not None and size not in (None, asked.image_size):
        raise UsageError(
            f"{path} takes pictures of {size} x {size} pixels, not of {asked.image_size}.",
            hint="Leave out --image-size: it is for files that leave their size open.",
        )
    if taken.dtype == "uint8" and not (asked.mean is None and asked.std is None):
        raise UsageError(
            f"{path} takes pixels and normalises them itself: --mean and --std would change nothing.",
            hint="Leave them out.",
        )
    if asked.head is not None and asked.head not in CLASSIFYING:
        raise UsageError(f"The head {asked.head!r} gives no classes.", hint=f"Choose one of {', '.join(CLASSIFYING)}.")


def _preprocessing(taken: ImageInput, metadata: Metadata | None, image_size: int | None) -> Preprocessing:
    """That of the file, or the usual one, at the size of the pictures that it is going to take."""
    size = taken.height or taken.width or image_size
    if metadata is None:
        return Preprocessing.default(taken.channels, size or IMAGE_SIZES["imagenet"])
    return metadata.preprocessing.at_size(size or metadata.preprocessing.crop)


def _head(model: ir.Model, metadata: Metadata | None, path: Path) -> Head | None:
    """What the first output is; None where nothing shows it.

    Raises:
        ModelError: it is no value for each class.
    """
    if metadata is not None and metadata.interface.head == "embedding":
        raise ModelError(
            f"{path} gives an embedding, the features before the classifier, and no classes.",
            hint="Export it with --head logits or --head probabilities.",
        )
    last = last_node(model)
    if last is not None and last.op_type == "TopK":
        raise ModelError(
            f"{path} ends in TopK: it gives its largest values, and not one for each class.",
            hint="Export the network without TopK: the best classes are found here from its values.",
        )
    found = find_head(model)  # another tool may have put a softmax behind the logits of a file of ours
    if found is not None:
        return "sigmoid" if found.activation == "sigmoid" and _classes(model) != 1 else "probabilities"
    return None if metadata is None else metadata.interface.head


def _classes(model: ir.Model) -> int | None:
    """How many values the first output has for a picture; None where the file leaves that open."""
    shape = model.graph.outputs[0].shape
    if shape is None or len(shape) < 2:
        return None
    sizes = [size for size in list(shape)[1:] if size != 1]
    if len(sizes) > 1:
        return None
    (size,) = sizes or [1]
    return size if isinstance(size, int) else None


def _overridden(stated: Preprocessing, taken: Preprocessing, asked: Asked) -> Iterator[Override]:
    """What the caller wanted otherwise than the metadata say."""
    names = [*asked.adjustments, "crop", "resize"]  # which depend on what was asked for, too
    for name in dict.fromkeys(names):
        said, done = (_in_words(getattr(one, name)) for one in (stated, taken))
        if said != done:
            yield Override("image size" if name == "crop" else name, done, said)


def _in_words(value: Any) -> str:
    return numbers(value) if isinstance(value, tuple) else str(value)


def _assumptions(
    taken: ImageInput, preprocessing: Preprocessing, metadata: Metadata | None, head: Head | None, asked: Asked
) -> Iterator[Assumption]:
    """What nothing shows, neither the file nor the caller."""
    known = settled(asked.adjustments)
    if metadata is not None:  # what was assumed at the export is assumed still
        for one in metadata.assumptions:
            if one.about == "pictures" and one.name in ADJUSTABLE and one.name not in known:
                fixed = taken.prepares or (taken.dtype == "uint8" and one.name in NORMALISING)
                yield replace(one, option=None) if fixed else one
        return
    if taken.height is None and taken.width is None and asked.image_size is None:
        yield about_image_size(preprocessing.crop)
    raw = taken.dtype == "uint8"
    yield from about_pictures(preprocessing, known | (NORMALISING if raw else set()))
    if raw:
        yield Assumption("network", "normalisation", "the file normalises its pixels")
    if head is None and asked.head is None:
        yield Assumption("network", "output", "the output is logits", "--head")
