"""Targets that differ in a few values: the file in a runtime's own format, or as it is, and a client in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.ort import copied
from resnet_export.deploy.targets.python import python_client
from resnet_export.targets import plain


def converted(runtime: str) -> Callable[[Source, Path], Sequence[Artefact]]:
    """What writes a file in a runtime's own format."""
    return lambda source, folder: [Artefact(targets.write(runtime, source.path, folder), source.form, source.precision)]


def in_one_piece(source: Source, folder: Path) -> Sequence[Artefact]:
    """The `.onnx` file with what belongs to it."""
    return [Artefact(plain.write(source.path, folder / source.path.name), source.form, source.precision)]


MNN = Target(
    writes="an .mnn file; a Python client",
    proven_by="Python with MNN",
    takes=Takes(),
    write=converted("mnn"),
    client=python_client("mnn", "MNN"),
)
OPENCV = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with OpenCV 5",
    takes=Takes(),
    write=copied,
    client=python_client("opencv", "cv2"),
    runtime="opencv",
)
OPENVINO = Target(
    writes="IR, which is an .xml file and a .bin file; a Python client",
    proven_by="Python with openvino, on the CPU",
    takes=Takes(precisions=("float32", "int8")),
    write=converted("openvino"),
    client=python_client("openvino", "openvino"),
    runtime="openvino",
)
TRACT = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with tract",
    takes=Takes(),
    write=in_one_piece,
    client=python_client("tract", "tract"),
    runtime="tract",
)
