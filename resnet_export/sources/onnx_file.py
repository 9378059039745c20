"""An `.onnx` file of somebody else's -> a trained network."""

import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx_ir as ir

from resnet_export.assumptions import about_image_size
from resnet_export.errors import InputError, ModelError
from resnet_export.graph.cost import layers, operands, value_type
from resnet_export.graph.file import NO_TENSORS, read_metadata
from resnet_export.graph.file import read as read_file
from resnet_export.graph.foreign import ImageInput, find_head, image_input, sized
from resnet_export.graph.interface import ONE, Activation
from resnet_export.graph.metadata import Metadata, is_ours
from resnet_export.graph.reading import Reading, read
from resnet_export.images import DESCRIBED
from resnet_export.sources.reading import NO_LAYER, is_same, of_reading, positions_of
from resnet_export.sources.trained import Image, Trained
from resnet_export.spec import IMAGE_SIZES

NOT_FLOATING = "which has no floating numbers"
"""Why an output is left out."""


def of_onnx(path: Path, asked: Mapping[str, Any], *, compared: bool = False) -> Trained:
    """Reads the network off a file.

    `asked` are `image_size`, and fields of `ResNetSpec` that the network is claimed to have. `compared` says whether
    another file is only held against it: then its images may depend on one another, and its outputs have any shape.

    Raises:
        ModelError: the file is missing or damaged, or takes no image.
        UnreadableError: it has an operator that is not read.
        UsageError: it takes images of another size than was asked for.
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
    names = [value.name or "" for value in model.graph.outputs]
    taken = sized(image_input(model, path), asked.get("image_size"), path)
    if taken.prepares:
        raise ModelError(
            f"{path} resizes its pictures itself, and the network behind that is not read.",
            hint="Give what it was exported from, or export that without --preprocess image.",
        )
    own = read_metadata(model, path) if is_ours(model) else None
    usual = own.preprocessing.crop if own is not None else IMAGE_SIZES["imagenet"]
    known = own is not None or taken.height is not None
    image = (taken.channels, taken.height or usual, taken.width or usual)
    _leave_out_others(model)
    first = names.index(model.graph.outputs[0].name or "")
    cut = _cut_head(model, whole=whole)
    kept = [value.name or "" for value in model.graph.outputs]
    names[first] = kept[0]
    reading = read(model, image, layout=taken.layout, batch=taken.batch, mixing=mixing)

    def read_at(image: Image) -> Reading:
        model = read_file(path)
        _leave_out_others(model)
        _cut_head(model, whole=False)
        return read(model, image, layout=taken.layout, batch=taken.batch)

    return of_reading(
        reading, path.name, asked, () if known else (about_image_size(usual),), path=str(path), whole=whole,
        file_input=(taken.layout, taken.dtype), file_batch=taken.batch, file_precision=_precision(model),
        outputs=reading.outputs, positions=positions_of(reading, names),
        preprocessing=_preparation(taken, own, image), cut=cut,
        left_out={name: NO_LAYER if name in kept else NOT_FLOATING for name in names if name not in reading.outputs},
        same_at=partial(is_same, reading, read_at),
    )  # fmt: skip


def _precision(model: ir.Model) -> Literal["float32", "float16", "bfloat16"]:
    """The least precise type of weights that a layer takes as they are stored."""
    types = {value_type(operands(node)[1]) for node in layers(model)}
    return "bfloat16" if "bfloat16" in types else "float16" if "float16" in types else "float32"


def _preparation(taken: ImageInput, own: Metadata | None, image: Image) -> dict[str, Any]:
    """What a file says of the preparation of its pictures: fields of `Preprocessing`."""
    said: dict[str, Any] = {}
    if own is not None:
        prepared = own.preprocessing.at_size(min(image[1:]))
        said = {name: getattr(prepared, name) for name in DESCRIBED}
    if np.dtype(taken.dtype).kind in "iu":  # it takes the pixels as they are
        said |= {"mean": (0.0,) * taken.channels, "std": (1 / 255,) * taken.channels}
    return said


def _leave_out_others(model: ir.Model) -> None:
    """Takes away the outputs that have no floating numbers, such as the class that is the largest; not all of them."""
    empty = model.meta.get(NO_TENSORS, {})
    floating = [value for value in model.graph.outputs if value.dtype is None or value.dtype.is_floating_point()]
    kept = [value for value in floating if value.name not in empty] or model.graph.outputs[:1]
    del model.graph.outputs[:]
    model.graph.outputs.extend(kept)


def _cut_head(model: ir.Model, *, whole: bool) -> Activation | None:
    """Makes the logits the first output of a file of this package, which writes its sigmoid in four operators.

    With `whole`, of any file: what makes probabilities of a map, and what quantises them, is no step of its own.
    """
    head = find_head(model)
    if head is None or not (whole or ONE in model.graph.initializers):
        return None
    model.graph.outputs[0] = next(value for node in model.graph for value in node.outputs if value.name == head.logits)
    return head.activation
