"""MNN: its own format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file in MNN's format."""
    return [Artefact(targets.write("mnn", source.path, folder), source.form, source.precision)]


TARGET = Target(
    writes="an .mnn file; a Python client",
    proven_by="Python with MNN",
    takes=Takes(),
    write=write,
    client=python_client("mnn", "MNN"),
)
