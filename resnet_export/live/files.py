"""Files of whole Keras models, `.keras` and the older `.h5` -> a live model; nothing in them is executed.

Keras itself builds the model, in its safe mode. Before it sees the file, the configuration in it is read as data. A
file that asks for Python code, with a `Lambda` layer or a class from outside of Keras, is refused.
"""

from __future__ import annotations

import os
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.convert.keras import require_tensorflow
from resnet_export.convert.remarks import quiet, reason
from resnet_export.data import from_json
from resnet_export.errors import CheckpointError, MissingDependencyError, quote_some
from resnet_export.optional import require

if TYPE_CHECKING:
    import keras

ENTRY = "config.json"
"""The entry of a `.keras` archive that describes the model."""

ATTRIBUTE = "model_config"
"""The attribute of an HDF5 file that describes the model: a file of weights alone has none."""

SAFE = (3, 12)
"""First release of Keras whose safe mode has no known way around it (CVE-2025-8747, CVE-2025-9905, CVE-2025-9906)."""

CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""Layers of Keras whose configuration is code, or names a file with code."""

LARGEST_CONFIGURATION = 64 << 20
"""Bytes: that of a ResNet-152 has 300 kB."""

LARGEST_RATIO = 50
"""Unpacked over packed size of an archive. Keras doesn't pack at all, and trained weights hardly shrink."""

HINT = (
    "If you trust it, load it where it was written and pass the live model, "
    'resnet_export.export(model, "file.onnx"), or name a function that loads it: --model module:function.'
)


def is_whole_model(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a Keras model with its structure: a `.keras` archive, or an `.h5` of Keras 2 or `save`."""
    name = Path(path).name.lower()
    if name.endswith(".keras"):
        return True
    if not name.endswith((".h5", ".hdf5")) or name.endswith(".weights.h5"):
        return False
    try:
        return _described(Path(path)) is not None
    except OSError:  # no such file, or none of HDF5
        return False


def load(path: str | os.PathLike[str]) -> keras.Model:
    """The model in a file, not compiled.

    Raises:
        CheckpointError: there is no such file, it is damaged, or it holds code.
        UnavailableError: Keras runs on another backend than TensorFlow.
        MissingDependencyError: Keras is not installed, or a release before 3.12.
    """
    path = Path(path)
    refuse_code(path)
    if "tensorflow" not in sys.modules:  # which is perhaps imported now
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its C++ part reads this when it is loaded
    with quiet():
        require_tensorflow()  # under another backend, the model would be of no use
        module = require("keras")
        if tuple(int(part) for part in re.findall(r"\d+", module.__version__)[:2]) < SAFE:
            raise MissingDependencyError(
                f"Keras {module.__version__} is installed, whose safe mode can be got around by a file: whole models "
                "need 3.12.",
                hint='Upgrade it with: pip install --upgrade "keras>=3.12"',
            )
        try:
            model: keras.Model = module.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # whatever the file leads Keras to
            raise CheckpointError(f"Keras can't load {path}: {reason(error)}.", hint=HINT) from error
    return model


def refuse_code(path: Path) -> None:
    """Reads the configuration in a file, as data.

    Raises:
        CheckpointError: it can't be read, or asks for code.
    """
    try:
        model = from_json(_archived(path) if path.name.lower().endswith(".keras") else _described(path) or "{}")
        if isinstance(model, dict):
            model.pop("compile_config", None)  # losses and optimisers are not loaded
        asked = list(dict.fromkeys(_code(model)))
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}.", hint="Check the path.") from error
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} cannot be read as the file of a Keras model: {reason(error)}.",
            hint="It is damaged, incomplete or of another format: copy it again, or save it again with Keras 3: "
            "model.save('model.keras').",
        ) from error
    if asked:
        raise CheckpointError(
            f"{path} was refused and not loaded: it asks for code that is not Keras's own, {quote_some(asked)}.",
            hint=HINT,
        )


def _archived(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed, unpacked = (
            sum(sizes) for sizes in zip(*((e.compress_size, e.file_size) for e in entries), strict=True)
        )
        if archive.getinfo(ENTRY).file_size > LARGEST_CONFIGURATION or unpacked > LARGEST_RATIO * packed:
            raise ValueError(f"it would unpack from {packed} to {unpacked} bytes")
        return archive.read(ENTRY)


def _described(path: Path) -> bytes | str | None:
    import h5py

    with h5py.File(path, "r") as file:
        found: bytes | str | None = file.attrs.get(ATTRIBUTE)
        return found


def _code(config: Any) -> Iterator[str]:
    """What a configuration names that is no plain object of Keras: `module.Class`."""
    if isinstance(config, list):
        for value in config:
            yield from _code(value)
    if not isinstance(config, dict):
        return
    kind, module = config.get("class_name"), config.get("module")
    if isinstance(kind, str):
        keras_own = module in (None, "builtins", "keras") or str(module).startswith("keras.")
        if kind in CODE or not keras_own or ">" in kind:  # `package>Class` is a registered one, in an .h5
            yield kind if module is None else f"{module}.{kind}"
    for value in config.values():
        yield from _code(value)
