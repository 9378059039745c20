"""What is quantised: a canonical file in float32, of whatever was handed in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.errors import ModelError
from resnet_export.graph.file import read, size_of
from resnet_export.graph.metadata import is_ours
from resnet_export.parity.diagnosis.contents import check_contents, layer_precisions
from resnet_export.pipeline import ExportOptions, run
from resnet_export.quantization.float_network import FloatNetwork, read_float_network


@dataclass(frozen=True)
class Subject:
    """A network that is quantised."""

    path: Path
    """Its canonical file in float32."""
    network: FloatNetwork
    classifier: Classifier
    """How its pictures are prepared."""


def read_subject(source: Any, folder: Path) -> Subject:
    """Reads what was handed in.

    Raises:
        ModelError: it is quantised already, or is not the network that it says it is; it takes no pictures, or gives no
            classes.
        ResNetExportError: the export refused it.
    """
    path = _float_file(source, folder)
    classifier = read_classifier(path, Asked())
    return Subject(path, read_float_network(path, folder), classifier)


def _float_file(source: Any, folder: Path) -> Path:
    """The canonical file of a source: itself, or one that is exported into the folder."""
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    if path is None or path.suffix.lower() != ".onnx":
        return _exported(source, folder)
    model = read(path)
    if "int8" in layer_precisions(model) or any(node.op_type == "QuantizeLinear" for node in model.graph):
        raise ModelError(f"{path} is quantised already.", hint="Give the file in float32 that it was made of.")
    if not is_ours(model):
        return _exported(source, folder)
    metadata, _, wrong = check_contents(path, None)
    if metadata.quantization is not None:
        raise ModelError(
            f"{path} is in {metadata.quantization.recipe.precision} already.",
            hint="Give the file in float32 that it was made of.",
        )
    if wrong is not None:
        raise ModelError(
            f"{path} is not what it says it is: {wrong.layer}: {wrong.detail}.",
            hint=f"Look for the cause with: resnet-export verify {path}",
        )
    return path


def bytes_of(path: Path) -> int:
    """Of the file, with the numbers that stand beside it."""
    return size_of(read(path), path)


def _exported(source: Any, folder: Path) -> Path:
    path = folder / "source.onnx"
    run(ExportOptions(source, path))
    return path
