"""Keras 3 files, `.keras` and `.weights.h5`: read from the HDF5 file itself, without Keras or TensorFlow.

    layers/<class>_<count>/vars          attribute `name`: the layer's own name
    layers/<class>_<count>/vars/<i>      its variables, in the order in which the layer made them

A model inside a model repeats this below its own group. A `.keras` file is a zip archive with such an
HDF5 file in it, next to the model's configuration. That shows image size and eps; whether the layers are those of a
specification is not looked at here: `sources` reads that from the model.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from resnet_export.data import from_json
from resnet_export.errors import CheckpointError
from resnet_export.weights import description
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description, Finding
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.keras import VARIABLES, canonical_name, to_canonical

TITLE = "a Keras 3 file"

WEIGHTS_ENTRY, CONFIG_ENTRY = "model.weights.h5", "config.json"
"""The entries of a `.keras` archive that hold the variables and the configuration."""

NOT_PARAMETERS = {"optimizer", "seed_generator"}
"""Groups whose variables are the training's, not the network's."""

KINDS = {
    (4,): VARIABLES["Conv2D"],
    (2, 1): VARIABLES["Dense"],
    (1, 1, 1, 1): VARIABLES["BatchNormalization"],
    (4, 1): ("kernel", "bias"),
    (2,): ("kernel",),
}
"""Ranks of a layer's variables -> their names, which the file does not hold."""


def read(path: Path, *, ema: bool = False) -> Contents:
    """The variables of all layers, in canonical layout; those of other kinds of layers as `<layer>.vars.<i>`.

    Raises:
        CheckpointError: it holds no layer with variables, or two layers of one name, or a broken configuration.
    """
    source: Path | io.BytesIO = path
    configured: dict[str, Finding] = {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(WEIGHTS_ENTRY))
        configured = read_findings(path)
    tensors: dict[str, NDArray[Any]] = {}
    with h5py.File(source, "r") as file:
        for group in _layers(file):
            for name, array in _tensors(group).items():
                if name in tensors:
                    raise CheckpointError(
                        f"{path} holds {name!r} twice, the second time in {group.name}.",
                        hint="Save the ResNet alone, not a model that holds several.",
                    )
                tensors[name] = array
    if not tensors:
        raise CheckpointError(
            f"{path} holds no layer with variables as Keras 3 writes them.",
            hint="Write it with Keras 3: model.save_weights('model.weights.h5') or model.save('model.keras').",
        )
    return Contents(tensors, description=read_description(path), configured=configured)


def read_description(path: Path) -> Description | None:
    """What the training says of the network, where the file is an archive that has it.

    Raises:
        CheckpointError: it is something else.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if description.ENTRY not in archive.namelist():
            return None
        return description.read(archive.read(description.ENTRY), path.name)


def read_findings(path: Path) -> dict[str, Finding]:
    """Field of the specification -> what the configuration of the model in an archive shows of it.

    Raises:
        CheckpointError: the archive has no configuration, or one that can't be read, or its images are not square.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            layers = list(_configured_layers(from_json(archive.read(CONFIG_ENTRY))))
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


def write(path: Path, weights: Tensors, said: Description | None = None) -> None:
    """Refused: where a variable stands in the file depends on the order of the layers in a Keras model.

    Raises:
        CheckpointError: always; `resnet_export.models.keras` writes these files, through Keras itself.
    """
    raise CheckpointError(
        f"{path.name} is the file of a Keras model, which takes more than weights.",
        hint="Call resnet_export.models.keras.save(weights, path), or choose .safetensors, .pth or .npz.",
    )


def _layers(file: h5py.File) -> Iterator[h5py.Group]:
    """The `vars` groups of all layers that have variables, models within models included."""
    groups: list[h5py.Group] = []
    # A callback that returns None goes on to the next object. Links to other files are not followed.
    file.visititems(lambda name, item: groups.append(item) if isinstance(item, h5py.Group) else None)
    for group in groups:
        *parents, last = group.name.strip("/").split("/")
        if last == "vars" and "name" in group.attrs and len(group) and NOT_PARAMETERS.isdisjoint(parents):
            yield group


def _tensors(group: h5py.Group) -> dict[str, NDArray[Any]]:
    """Canonical name -> array for the variables of one layer."""
    layer = str(group.attrs["name"])
    arrays = [_as_array(group[index]) for index in sorted(group, key=int)]
    names = KINDS.get(tuple(array.ndim for array in arrays), [f"vars.{index}" for index in range(len(arrays))])
    return {canonical_name(layer, name): to_canonical(array) for name, array in zip(names, arrays, strict=True)}


def _as_array(dataset: h5py.Dataset) -> NDArray[Any]:
    """HDF5 has no bfloat16: Keras stores the bits, and says so in an attribute."""
    array: NDArray[Any] = dataset[()]
    if dataset.attrs.get("dtype") == "bfloat16":
        array = array.view(ml_dtypes.bfloat16).astype(np.float32)
    return array


def _configured_layers(entry: Any) -> Iterator[Mapping[str, Any]]:
    """Every layer and model, nested ones included, in the order of the file."""
    if isinstance(entry, dict):
        if "class_name" in entry and isinstance(entry.get("config"), dict):
            yield entry
        for value in entry.values():
            yield from _configured_layers(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _configured_layers(value)


def _input_shape(layer: Mapping[str, Any]) -> list[int | None] | None:
    """(N, height, width, channels), where a layer or model says it."""
    config = layer["config"]
    shape = config.get("batch_shape") or config.get("build_input_shape")
    return shape if isinstance(shape, list) and len(shape) == 4 else None
