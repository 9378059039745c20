"""ncnn: its own format, in float32 and in float16, for one image a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file in ncnn's format, twice."""
    form = replace(source.form, batch=1)
    half = targets.write("ncnn", source.path, folder, half=True)
    for part in (half.with_suffix(".bin"), half):
        half = part.rename(part.with_stem(f"{source.path.stem}-float16"))
    return [
        Artefact(targets.write("ncnn", source.path, folder), form, "float32"),
        Artefact(half, form, "float16"),
    ]


TARGET = Target(
    writes="param and bin files, in float32 and float16; a Python client",
    proven_by="Python with ncnn",
    takes=Takes(inputs=("float32",), layouts=("nchw",)),
    write=write,
    client=python_client("ncnn", "ncnn"),
)
