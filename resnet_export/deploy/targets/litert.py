"""LiteRT (TensorFlow Lite): the network through Keras, in float32, with its weights in float16, and in int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client
from resnet_export.runtimes.session import Precision


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The network of a canonical file, which gives logits of normalised images, for each precision.

    In int8 it is quantised anew from the float32 network, by TensorFlow.
    """
    form = replace(source.form, dtype="float32", layout="nhwc", batch=1, embedded="none", head="logits")
    options: dict[Precision, dict[str, Any]] = {"float16": {"half": True}}
    if source.calibration:
        normalised = source.classifier.preprocessing.normalise(np.stack(source.calibration)).astype(np.float32)
        options["int8"] = {"calibration": [image[None] for image in normalised.transpose(0, 2, 3, 1)]}
    reduced = []
    for precision, chosen in options.items():
        made = targets.write("litert", source.path, folder, **chosen)
        reduced.append(Artefact(made.rename(made.with_stem(f"{made.stem}-{precision}")), form, precision))
    return [Artefact(targets.write("litert", source.path, folder), form, "float32"), *reduced]


TARGET = Target(
    writes=".tflite files, in float32, float16 and (with --calibrate) int8; a Python client",
    proven_by="Python with ai-edge-litert",
    takes=Takes(pictures=True),
    write=write,
    client=python_client("litert", "ai_edge_litert"),
    calibrates=True,
)
