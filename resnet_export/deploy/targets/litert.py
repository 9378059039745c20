"""LiteRT (TensorFlow Lite): the network through Keras, in float32 and with its weights in float16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The network of a canonical file, which gives logits of normalised images, twice."""
    form = replace(source.form, dtype="float32", layout="nhwc", batch=1, embedded="none", head="logits")
    half = targets.write("litert", source.path, folder, half=True).rename(folder / f"{source.path.stem}-float16.tflite")
    whole = targets.write("litert", source.path, folder)
    return [Artefact(whole, form, "float32"), Artefact(half, form, "float16")]


TARGET = Target(
    writes=".tflite files, in float32 and float16; a Python client",
    proven_by="Python with ai-edge-litert",
    takes=Takes(pictures=True),
    write=write,
    client=python_client("litert", "ai_edge_litert"),
)
