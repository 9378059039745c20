"""Targets with a client in Python: one client for all of them, and for each a module that opens the network."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export import targets
from resnet_export.deploy.source import Form, Source
from resnet_export.deploy.target import Artefact, Client, Takes, Target
from resnet_export.error_text import loading
from resnet_export.graph.file import files_of, read
from resnet_export.optional import installed, require
from resnet_export.runtimes.bundle import parts_of
from resnet_export.runtimes.session import Precision
from resnet_export.targets import plain

SHARED = ("numpy", "PIL")
"""What the client imports for every runtime."""
SAME = {"onnxruntime-gpu": "onnxruntime"}
"""Distribution that is installed here -> the one for a bundle: the same sources, without a GPU's libraries."""
NOT_FOR_ARM = "NchwcTransformer"
"""It arranges channels for AVX; for arm, ONNX Runtime's own converter leaves it out, and allows int8 there."""


def python_client(module: str, *packages: str) -> Client:
    """The client of a runtime.

    Args:
        module: the file in `clients/python/` that opens the network.
        packages: that it imports, but for NumPy and Pillow.
    """
    return Client(
        files={
            "client.py": "python/client.py",
            "selftest.py": "python/selftest.py",
            "runtime.py": f"python/{module}.py",
        },
        install="pip install -r requirements.txt",
        run="python client.py golden/08-colour.jpg",
        self_test="python selftest.py",
        requirements=lambda: pinned(*packages, *SHARED),
        prove=lambda folder: [sys.executable, "-s", "selftest.py"],
        needs=lambda: pinned(*packages),
    )


def pinned(*packages: str) -> list[str]:
    """`onnxruntime==1.23.2`, with the version that the proof runs with.

    Raises:
        MissingDependencyError: one of these import names is not installed.
    """
    found = (installed(package).split(" ") for package in packages)
    return [f"{SAME.get(name, name)}=={version}" for name, version in found]


def copied(source: Source, folder: Path) -> Sequence[Artefact]:
    """The `.onnx` file as it is, with what belongs to it."""
    for file in files_of(read(source.path), source.path):
        made = folder / file.relative_to(source.path.parent)
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, made)
    return [Artefact(folder / source.path.name, source.form, source.precision)]


def in_one_piece(source: Source, folder: Path) -> Sequence[Artefact]:
    """The `.onnx` file with what belongs to it."""
    return [Artefact(plain.write(source.path, folder / source.path.name), source.form, source.precision)]


def converted(runtime: str) -> Callable[[Source, Path], Sequence[Artefact]]:
    """What writes a file in a runtime's own format."""
    return lambda source, folder: _convert(runtime, source, folder, source.form, {})


def _convert(
    runtime: str, source: Source, folder: Path, form: Form, reduced: Mapping[Precision, Mapping[str, Any]]
) -> Sequence[Artefact]:
    """A file in a runtime's own format, and then in each reduced precision, with these options of the converter."""
    artefacts = []
    for precision, options in reduced.items():
        parts = parts_of(targets.write(runtime, source.path, folder, **options))
        named = [part.rename(part.with_stem(f"{source.path.stem}-{precision}")) for part in parts]
        artefacts.append(Artefact(named[0], form, precision))
    return [Artefact(targets.write(runtime, source.path, folder), form, source.precision), *artefacts]


def write_ort(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file as it is, and as ONNX Runtime optimises it for a kind of CPU: it opens faster, and can't be changed."""
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


def write_litert(source: Source, folder: Path) -> Sequence[Artefact]:
    """The network of a canonical file, through Keras: it gives logits of normalised images.

    In int8 it is quantised anew from the float32 network, by TensorFlow.
    """
    form = replace(source.form, dtype="float32", layout="nhwc", batch=1, embedded="none", head="logits")
    reduced: dict[Precision, dict[str, Any]] = {"float16": {"half": True}}
    if source.calibration:
        normalised = source.classifier.preprocessing.normalise(np.stack(source.calibration)).astype(np.float32)
        reduced["int8"] = {"calibration": [image[None] for image in normalised.transpose(0, 2, 3, 1)]}
    return _convert("litert", source, folder, form, reduced)


def write_ncnn(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file in ncnn's format, for one image a run."""
    return _convert("ncnn", source, folder, replace(source.form, batch=1), {"float16": {"half": True}})


def values_in_ncnn(file: Path, image: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Every value of an artefact, for one image."""
    ncnn = require("ncnn")
    net = ncnn.Net()
    net.opt.lightmode = False
    net.load_param(str(file))
    net.load_model(str(file.with_suffix(".bin")))
    extractor = net.create_extractor()
    given = np.ascontiguousarray(image[0])  # ncnn borrows its memory, and can't work in place there
    extractor.input("in0", ncnn.Mat(given).clone())
    for line in file.read_text(encoding="utf-8").splitlines()[2:]:
        _, _, inputs, outputs, *names = line.split()
        for name in names[int(inputs) : int(inputs) + int(outputs)]:
            failed, value = extractor.extract(name)
            if not failed:
                yield np.array(value)


ORT = Target(
    writes="the .onnx file and an .ort file for one kind of CPU; a Python client",
    proven_by="Python with onnxruntime",
    takes=Takes(
        precisions=("float32", "float16", "bfloat16", "int8"),
        inputs=("float32", "float16", "float64", "uint8"),
        pictures=True,
    ),
    write=write_ort,
    client=python_client("ort", "onnxruntime"),
    runtime="ort:cpu",
)
OPENVINO = Target(
    writes="IR, which is an .xml file and a .bin file; a Python client",
    proven_by="Python with openvino, on the CPU",
    takes=Takes(precisions=("float32", "int8")),
    write=converted("openvino"),
    client=python_client("openvino", "openvino"),
    runtime="openvino",
)
NCNN = Target(
    writes="param and bin files, in float32 and float16; a Python client",
    proven_by="Python with ncnn",
    takes=Takes(inputs=("float32",), layouts=("nchw",)),
    write=write_ncnn,
    client=python_client("ncnn", "ncnn"),
    values=values_in_ncnn,
)
LITERT = Target(
    writes=".tflite files, in float32, float16 and (with --calibrate) int8; a Python client",
    proven_by="Python with ai-edge-litert",
    takes=Takes(pictures=True),
    write=write_litert,
    client=python_client("litert", "ai_edge_litert"),
    calibrates=True,
)
MNN = Target(
    writes="an .mnn file; a Python client",
    proven_by="Python with MNN",
    takes=Takes(),
    write=converted("mnn"),
    client=python_client("mnn", "MNN"),
)
TRACT = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with tract",
    takes=Takes(),
    write=in_one_piece,
    client=python_client("tract", "tract"),
    runtime="tract",
)
OPENCV = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with OpenCV 5",
    takes=Takes(),
    write=copied,
    client=python_client("opencv", "cv2"),
    runtime="opencv",
)
