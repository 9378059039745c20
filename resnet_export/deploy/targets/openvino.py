"""OpenVINO in Python: its own format, IR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file as IR."""
    return [Artefact(targets.write("openvino", source.path, folder), source.form, source.precision)]


TARGET = Target(
    writes="IR, which is an .xml file and a .bin file; a Python client",
    proven_by="Python with openvino, on the CPU",
    takes=Takes(precisions=("float32", "int8")),
    write=write,
    client=python_client("openvino", "openvino"),
    runtime="openvino",
)
