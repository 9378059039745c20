"""ONNX Runtime in Python: the `.onnx` file, and the `.ort` file that opens faster and can't be changed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client
from resnet_export.error_text import loading
from resnet_export.graph.file import files_of, read
from resnet_export.optional import require

NOT_FOR_ARM = "NchwcTransformer"
"""It arranges channels for AVX; for arm, ONNX Runtime's own converter leaves it out, and allows int8 there."""


def copied(source: Source, folder: Path) -> Sequence[Artefact]:
    """The `.onnx` file as it is, with what belongs to it."""
    for file in files_of(read(source.path), source.path):
        made = folder / file.relative_to(source.path.parent)
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, made)
    return [Artefact(folder / source.path.name, source.form, source.precision)]


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file as it is, and as ONNX Runtime optimises it for a kind of CPU."""
    onnxruntime = require("onnxruntime")
    made = folder / f"{source.path.stem}.ort"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(made)
    options.add_session_config_entry("session.save_model_format", "ORT")
    left_out = [NOT_FOR_ARM] if source.platform == "arm" else []
    if left_out:
        options.add_session_config_entry("session.qdqisint8allowed", "1")
    with loading("ort", source.path):
        onnxruntime.InferenceSession(
            str(source.path), options, providers=["CPUExecutionProvider"], disabled_optimizers=left_out
        )
    return [*copied(source, folder), Artefact(made, source.form, source.precision)]


TARGET = Target(
    writes="the .onnx file and an .ort file for one kind of CPU; a Python client",
    proven_by="Python with onnxruntime",
    takes=Takes(
        precisions=("float32", "float16", "bfloat16", "int8"),
        inputs=("float32", "float16", "float64", "uint8"),
        pictures=True,
    ),
    write=write,
    client=python_client("ort", "onnxruntime"),
    runtime="ort:cpu",
)
