"""What the configuration inside a `.keras` archive shows of a specification: image size and eps, read as data.

Whether the layers are the specification's network is not looked at here: `sources` reads that from the model.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resnet_export.data import from_json
from resnet_export.errors import CheckpointError
from resnet_export.weights.finding import Finding

ENTRY = "config.json"


def read_findings(path: Path) -> dict[str, Finding]:
    """Field of the specification -> what the configuration of the model in an archive shows of it.

    Raises:
        CheckpointError: the archive has no configuration, or one that can't be read, or its images are not square.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            layers = list(_layers(from_json(archive.read(ENTRY))))
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"The configuration in {path} cannot be read: {type(error).__name__} at {error}.",
            hint="Save the model again with Keras 3: model.save('model.keras').",
        ) from error
    found: dict[str, Finding] = {}
    shape = next((shape for layer in layers if (shape := _input_shape(layer)) is not None), None)
    if shape is not None and shape[1] != shape[2]:
        raise CheckpointError(
            f"{path}: the model takes images of {shape[1]} x {shape[2]}, and a ResNet's are square here.",
            hint="Install Keras, which reads networks of any kind: pip install keras tensorflow-cpu",
        )
    if shape is not None and shape[1] is not None:
        found["image_size"] = Finding(shape[1], f"the model in {path} takes {shape[1]} x {shape[1]}")
    norms = (layer["config"] for layer in layers if layer.get("class_name") == "BatchNormalization")
    eps = next((float(norm["epsilon"]) for norm in norms if "epsilon" in norm), None)
    if eps is not None:
        found["eps"] = Finding(eps, f"the batch norms in {path} have eps {eps:g}")
    return found


def _layers(entry: Any) -> Iterator[Mapping[str, Any]]:
    """Every layer and model, nested ones included, in the order of the file."""
    if isinstance(entry, dict):
        if "class_name" in entry and isinstance(entry.get("config"), dict):
            yield entry
        for value in entry.values():
            yield from _layers(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _layers(value)


def _input_shape(layer: Mapping[str, Any]) -> list[int | None] | None:
    """(N, height, width, channels), where a layer or model says it."""
    config = layer["config"]
    shape = config.get("batch_shape") or config.get("build_input_shape")
    return shape if isinstance(shape, list) and len(shape) == 4 else None
