"""An `.onnx` file of somebody else's -> a trained network."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx_ir as ir

from resnet_export.assumptions import about_image_size
from resnet_export.errors import InputError, ModelError
from resnet_export.graph.file import read as read_file
from resnet_export.graph.file import read_metadata
from resnet_export.graph.foreign import find_head, image_input
from resnet_export.graph.interface import ONE, Activation
from resnet_export.graph.metadata import is_ours
from resnet_export.graph.reading import read
from resnet_export.sources.reading import of_reading, positions_of
from resnet_export.sources.trained import Trained
from resnet_export.spec import IMAGE_SIZES


def of_onnx(path: Path, asked: Mapping[str, Any], *, compared: bool = False) -> Trained:
    """Reads the network off a file.

    Args:
        path: the file.
        asked: `image_size`, and fields of `ResNetSpec` that the network is claimed to have; None means not asked.
        compared: whether another file is only held against it: then its images may depend on one another, and its
            outputs have any shape.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        UnreadableError: it has an operator that is not read.
    """
    try:
        return _read(path, asked)
    except InputError:
        for mixing in (False, True) if compared else ():
            with contextlib.suppress(InputError):
                return _read(path, asked, whole=True, mixing=mixing)
        raise


def _read(path: Path, asked: Mapping[str, Any], *, whole: bool = False, mixing: bool = False) -> Trained:
    model = read_file(path)
    taken = image_input(model, path)
    if taken.prepares:
        raise ModelError(
            f"{path} resizes its pictures itself, and the network behind that is not read.",
            hint="Give what it was exported from, or export that without --preprocess image.",
        )
    size = asked.get("image_size") or taken.height or IMAGE_SIZES["imagenet"]
    known = asked.get("image_size") is not None or taken.height is not None
    image = (taken.channels, taken.height or size, taken.width or size)
    cut = _cut_head(model, whole=whole)
    reading = read(model, image, layout=taken.layout, batch=taken.batch, mixing=mixing)
    said: dict[str, Any] = {}
    if is_ours(model):
        own = read_metadata(model, path)
        if own.interface.preprocess == "none":
            said = own.preprocessing.as_dict()
    return of_reading(
        reading, path.name, asked, () if known else (about_image_size(size),), path=str(path), whole=whole,
        file_input=(taken.layout, taken.dtype),
        outputs=reading.outputs, positions=positions_of(reading, model), preprocessing=said, cut=cut,
        left_out=tuple(value.name or "" for value in model.graph.outputs if value.name not in reading.outputs),
    )  # fmt: skip


def _cut_head(model: ir.Model, *, whole: bool) -> Activation | None:
    """Makes the logits the first output of a file of this package, which writes its sigmoid in four operators.

    With `whole`, of any file: what makes probabilities of a map, and what quantises them, is no step of its own.
    """
    head = find_head(model)
    if head is None or not (whole or ONE in model.graph.initializers):
        return None
    logits = next(value for node in model.graph for value in node.outputs if value.name == head.logits)
    model.graph.outputs[0] = logits
    return head.activation
