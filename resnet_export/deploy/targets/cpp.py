"""OpenVINO in C++: IR, and a client that CMake builds with the libraries of OpenVINO's Python package and OpenCV."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from resnet_export.deploy.bundle import CLIENTS
from resnet_export.deploy.target import Client, Takes, Target
from resnet_export.deploy.targets.python import converted, pinned
from resnet_export.error_text import error_text
from resnet_export.errors import UnavailableError
from resnet_export.optional import installed

APT = "apt-get install cmake g++ make libopencv-imgcodecs-dev nlohmann-json3-dev libssl-dev zlib1g-dev"
FILES = ("client.cpp", "selftest.cpp", "classifier.hpp", "prepare.hpp", "resize.hpp", "CMakeLists.txt")
REASON = re.compile(r"(?:CMake Error.*?:\s|error: )(.*?)(?=\n\s*\n|\nCall Stack|\Z)", re.DOTALL)
TIMEOUT_S = 600


def needs() -> None:
    """Finds out whether all is here that the client is built with."""
    installed("openvino")
    with tempfile.TemporaryDirectory() as folder:
        _configure(CLIENTS / "cpp", Path(folder))


def build(folder: Path) -> Sequence[str]:
    """Builds the client, and gives the command of its self-test."""
    made = (folder / "build").resolve()
    _configure(folder, made)
    _cmake("--build", str(made), "--parallel")
    return [str(made / "selftest")]


def _configure(sources: Path, made: Path) -> None:
    openvino = importlib.metadata.distribution("openvino").locate_file("openvino/cmake")
    _cmake("-S", str(sources), "-B", str(made), f"-DOpenVINO_DIR={openvino}")


def _cmake(*arguments: str) -> None:
    hint = f"Install what it is built with, on Debian with: {APT}"
    program = shutil.which("cmake")
    if program is None:
        raise UnavailableError("cmake is not here, and the proof builds the bundle's client with it.", hint=hint)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        found = REASON.search(done.stderr)
        said = error_text(" ".join((found[1] if found else done.stderr).split())).rstrip(":")
        raise UnavailableError(f"The bundle's client can't be built here: {said}.", hint=hint)


TARGET = Target(
    writes="IR, which is an .xml file and a .bin file; a C++ client, which CMake builds",
    proven_by="the client, built with CMake and g++, on the CPU",
    takes=Takes(precisions=("float32", "int8"), channels=(1, 3)),
    write=converted("openvino"),
    client=Client(
        files={name: f"cpp/{name}" for name in FILES},
        install="pip install -r requirements.txt && cmake -B build && cmake --build build --parallel",
        run="build/client golden/08-colour.jpg",
        does=f"{Client.does} Debian has what it is built with: `{APT}`.",
        self_test="build/selftest",
        requirements=lambda: pinned("openvino"),
        prove=build,
        needs=needs,
        leaves=("build",),
    ),
    runtime="openvino",
)
