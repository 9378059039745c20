"""The installed packages that have a part in an export or a run, beside the versions that were tested."""

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from resnet_export.data import Plain
from resnet_export.machine.tested import SAME, TESTED

PREFIXES = ("onnxruntime", "ort-")
"""Of what belongs to ONNX Runtime."""
ONNXRUNTIME = "onnxruntime/__init__.py"
"""The file of which there is one, however many distributions claim it."""
PROVIDERS = re.compile(
    r"onnxruntime(-(training|gpu|rocm|cann|directml|dml|migraphx|openvino|qnn|vitisai))*|ort-nightly.*"
)
"""Distributions that own `onnxruntime`, told by their names where their record of files is missing."""


@dataclass(frozen=True)
class Distribution(Plain):
    """One installed package."""

    DERIVED: ClassVar[tuple[str, ...]] = ("as_tested",)

    name: str
    """Normalised (PEP 503): lower case, with hyphens."""
    version: str
    tested: str | None
    """The version that was tested, of the package or of the one that it stands in for; None where none was."""

    @property
    def as_tested(self) -> bool:
        """Whether it is the version that was tested; the local part (`+cpu`) says how it was built only."""
        return self.version.partition("+")[0] == self.tested


def read_distributions() -> tuple[Distribution, ...]:
    """The installed ones among those that matter here, by name."""
    installed = _installed()
    # ONNX Runtime's distributions and plugins are too many to list, and all of them matter.
    names = {name for name in installed if name in TESTED or name in SAME or name.startswith(PREFIXES)}
    return tuple(
        Distribution(name, installed[name].version, TESTED.get(SAME.get(name, name))) for name in sorted(names)
    )


def read_onnxruntimes() -> dict[str, str]:
    """The distributions that own the package `onnxruntime`, with their versions. More than one is a mistake.

    A later installation overwrites the files of the earlier one, and a removal of either takes files of both.
    """
    return {
        name: found.version
        for name, found in sorted(_installed().items())
        if name.startswith(PREFIXES) and _owns_onnxruntime(name, found)
    }


def onnxruntime_cure(installed: Mapping[str, str]) -> tuple[str, ...]:
    """The commands that leave one ONNX Runtime.

    The plain one goes first: what another brings serves the CPU as well.

    Args:
        installed: name -> version, two or more.
    """
    keep = min(installed, key=lambda name: (name == "onnxruntime", name != "onnxruntime-gpu", name))
    return f"pip uninstall -y {' '.join(sorted(installed))}", f"pip install {keep}=={installed[keep]}"


def _installed() -> dict[str, importlib.metadata.Distribution]:
    """Normalised name -> what Python finds first under it."""
    named: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions():
        # A removal that was interrupted leaves folders without a name or a version.
        metadata = distribution.metadata
        name, version = metadata.get("Name"), metadata.get("Version")  # type: ignore[attr-defined]
        if name and version:
            named.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution)
    return named


def _owns_onnxruntime(name: str, distribution: importlib.metadata.Distribution) -> bool:
    files = distribution.files
    if files is None:
        return PROVIDERS.fullmatch(name) is not None
    return any(file.as_posix() == ONNXRUNTIME for file in files)
