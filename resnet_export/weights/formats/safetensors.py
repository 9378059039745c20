"""Safetensors files: names, shapes and bytes, with nothing to execute. Read without any framework."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import CheckpointError
from resnet_export.weights import description
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.torch import state_dict

TITLE = "a safetensors file"

TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": ml_dtypes.bfloat16, "BOOL": "?",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
"""The format's name of an element type -> numpy's."""


def read(path: Path, *, ema: bool = False) -> Contents:
    """The tensors as they are; bfloat16 is widened to float32, which is exact.

    Raises:
        CheckpointError: a tensor is of a type that no ResNet is trained in.
    """
    from safetensors import deserialize

    content = path.read_bytes()
    entries = deserialize(content)  # type: ignore[no-untyped-call]
    tensors = {name: _as_array(name, entry, path) for name, entry in entries}
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # behind its length
    said = header.get("__metadata__", {}).get(description.KEY)
    return Contents(tensors, description=None if said is None else description.read(said, path.name))


def write(path: Path, weights: Tensors, said: Description | None = None) -> None:
    """Writes the tensors as torchvision's models name them, so that they load into those too."""
    from safetensors.numpy import save

    path.write_bytes(save(state_dict(weights), None if said is None else {description.KEY: description.encode(said)}))


def _as_array(name: str, entry: dict[str, Any], path: Path) -> NDArray[Any]:
    kind = entry["dtype"]
    if kind not in TYPES:
        raise CheckpointError(
            f"{path}: {name} is of type {kind}, which is not read here.",
            hint="Give the checkpoint of the float network; reduce precision after the export.",
        )
    array = np.frombuffer(entry["data"], TYPES[kind]).reshape(entry["shape"])
    return array.astype(np.float32) if kind == "BF16" else array
