"""CIFAR-10: from Keras's cache, from a folder, or from the archive that is published.

An archive has a folder of six files, each a pickled dictionary with 10,000 rows of `data` (3 x 32 x 32 numbers, the
channels outermost) and as many `labels`. Nothing but such data is unpickled.

Source: https://www.cs.toronto.edu/~kriz/cifar.html; Krizhevsky, "Learning Multiple Layers of Features" (2009).
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, InputError
from resnet_export.files import cache_folder
from resnet_export.weights.download import download
from training.data import Data

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
URL_VARIABLE = "RESNET_EXPORT_CIFAR_URL"
ARCHIVE = URL.rpartition("/")[2]
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Of the archive; Keras checks for the same."""
FOLDER = "cifar-10-batches-py"
PARTS = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE = (3, 32, 32)
PADDING = 4
HOW_TO_GET = f"Get {URL} and name the archive's folder, or the folder that holds the archive, with --data-folder."
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"),
    ("numpy", "dtype"), ("numpy.core.multiarray", "scalar"), ("_codecs", "encode"),
}  # fmt: skip
"""What a pickle of arrays asks for."""

Read = Callable[[str], bytes]


def cifar10(folder: Path | None) -> Data:
    """50,000 pictures in colour and 10,000 for the test, 32 x 32.

    Args:
        folder: with the archive, or with the files in it; None looks into Keras's cache, and downloads the archive
            where it is neither there nor in this package's.

    Raises:
        InputError: they can't be found, downloaded or read, or have another form.
    """
    with _opened(folder) as read:
        parts = [_batch(read, name) for name in PARTS]
        test_images, test_labels = _batch(read, TEST)
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Data("cifar10", images, labels, test_images, test_labels, CLASSES, PADDING)


@contextlib.contextmanager
def _opened(folder: Path | None) -> Iterator[Read]:
    """What reads one of the six files, in a folder or in an archive."""
    where = _found(folder)
    with contextlib.ExitStack() as stack:
        try:
            archive = None if where.is_dir() else stack.enter_context(tarfile.open(where))
        except (OSError, tarfile.TarError) as error:
            raise InputError(f"{where} can't be read as an archive: {error}.", hint=HOW_TO_GET) from error

        def read(name: str) -> bytes:
            try:
                if archive is None:
                    return (where / name).read_bytes()
                entry = archive.extractfile(f"{FOLDER}/{name}")
                if entry is None:
                    raise KeyError(f"{name} is no file")
                return entry.read()
            except (OSError, KeyError, EOFError, tarfile.TarError) as error:
                raise InputError(f"{where} has no {name} of CIFAR-10: {error}.", hint=HOW_TO_GET) from error

        yield read


def _found(folder: Path | None) -> Path:
    """The folder of the files, or the archive."""
    if folder is not None:
        if (folder / TEST).is_file():
            return folder
        found = next((place for place in (folder / FOLDER, folder / ARCHIVE) if place.exists()), None)
        if found is None:
            raise InputError(f"{folder} holds neither {FOLDER} nor {ARCHIVE}.", hint=HOW_TO_GET)
        return found
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    for place in (keras / f"{FOLDER}-target" / FOLDER, keras / FOLDER):
        if (place / TEST).is_file():
            return place
    try:
        return download(os.environ.get(URL_VARIABLE, URL), cache_folder() / ARCHIVE, SHA256, otherwise=HOW_TO_GET)
    except CheckpointError as error:
        raise InputError(error.message, hint=error.hint) from error


class _Unpickler(pickle.Unpickler):
    """Makes arrays and plain data alone."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, and was not executed")
        return super().find_class(module_name, global_name)


def _batch(read: Read, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pictures (N, 32, 32, 3) of a file, and the numbers of their classes."""
    content = read(name)
    try:
        held: Mapping[bytes, Any] = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        data, labels = np.asarray(held[b"data"]), np.asarray(held[b"labels"], np.int64)
        if data.dtype != np.uint8 or not len(labels) or not 0 <= labels.min() <= labels.max() < len(CLASSES):
            raise ValueError("it has other numbers than CIFAR-10")
        return data.reshape(len(labels), *SHAPE).transpose(0, 2, 3, 1), labels
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        raise InputError(f"{name} of CIFAR-10 can't be read: {error}.", hint=HOW_TO_GET) from error
