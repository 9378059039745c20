"""Bundles in Python: one client for all runtimes, and for each a module that opens the network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from resnet_export.deploy.target import Client
from resnet_export.optional import installed

SHARED = ("numpy", "PIL")
SAME = {"onnxruntime-gpu": "onnxruntime"}
"""Distribution that is installed here -> the one for a bundle: the same sources, without a GPU's libraries."""


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
        write_needs=requirements((*packages, *SHARED)),
        prove=_command,
        needs=lambda: _require(packages),
    )


def requirements(packages: Sequence[str]) -> Callable[[Path], None]:
    """What writes `requirements.txt`, with the versions that the proof runs with."""

    def write(folder: Path) -> None:
        lines = [_pinned(package) for package in packages]
        (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    return write


def _pinned(package: str) -> str:
    """`onnxruntime==1.23.2`: the version that the proof ran with."""
    name, version = installed(package).split(" ")
    return f"{SAME.get(name, name)}=={version}"


def _require(packages: Sequence[str]) -> None:
    for package in packages:
        installed(package)


def _command(folder: Path) -> Sequence[str]:
    return [sys.executable, "-s", "selftest.py"]
