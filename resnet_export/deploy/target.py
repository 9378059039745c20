"""`Target`: a runtime that a file can be carried to, described as data, and the registry of all of them.

A third party adds a target with an entry point in the group `resnet_export.targets`:

    [project.entry-points."resnet_export.targets"]
    mine = "my_package:TARGET"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.deploy.source import Form, Source
from resnet_export.errors import NotApplicableError, UsageError
from resnet_export.graph.interface import LAYOUTS, Layout
from resnet_export.registry import Registry
from resnet_export.runtimes.session import Precision

GROUP = "resnet_export.targets"
TARGETS = {
    "ort": "resnet_export.deploy.targets.python:ORT",
    "node": "resnet_export.deploy.targets.node:TARGET",
    "web": "resnet_export.deploy.targets.web:TARGET",
    "openvino": "resnet_export.deploy.targets.python:OPENVINO",
    "openvino-cpp": "resnet_export.deploy.targets.cpp:TARGET",
    "ncnn": "resnet_export.deploy.targets.python:NCNN",
    "litert": "resnet_export.deploy.targets.python:LITERT",
    "mnn": "resnet_export.deploy.targets.python:MNN",
    "tract": "resnet_export.deploy.targets.python:TRACT",
    "opencv": "resnet_export.deploy.targets.python:OPENCV",
    "triton": "resnet_export.deploy.targets.triton:TARGET",
}
"""Name -> module:attribute, in the order of the list that users see."""
NOT_OFFERED = {
    "tensorrt": "its engines fit one GPU and one version; ONNX Runtime builds and keeps them: --runtime ort:tensorrt",
    "coreml": "its files can be written on a Mac alone, and nothing here could run them",
}
"""Name -> why there is no such target."""


@dataclass(frozen=True)
class Takes:
    """Which files a target takes."""

    precisions: tuple[Precision, ...] = ("float32",)
    """In which the file's numbers may be stored."""
    inputs: tuple[str, ...] = ("float32", "uint8")
    """Types of the file's input."""
    channels: tuple[int, ...] = (1, 3, 4)
    """Of its pictures."""
    layouts: tuple[Layout, ...] = LAYOUTS
    """Orders of its axes."""
    pictures: bool = False
    """Whether it runs the resize and the crop of a file that prepares its pictures as the file says."""


@dataclass(frozen=True)
class Artefact:
    """A file that a target has written into the bundle."""

    path: Path
    form: Form
    """What it takes and gives."""
    precision: Precision
    """In what it is computed."""

    def name(self, folder: Path) -> str:
        """Its place in a bundle."""
        return self.path.relative_to(folder).as_posix()


@dataclass(frozen=True)
class Client:
    """The program of a bundle, in the language of its target."""

    files: Mapping[str, str]
    """Name in the bundle -> file in `clients/`."""
    install: str
    """The command that a user gives once."""
    run: str
    """The command that classifies pictures."""
    self_test: str
    """The command that answers the golden pictures."""
    prove: Callable[[Path], Sequence[str]] | None
    """Makes the client of this folder ready to run here, and gives the command of its self-test; None where nothing
    here can run it."""
    needs: Callable[[], object]
    """Finds out whether `prove` can work here; raises MissingDependencyError or UnavailableError."""
    requirements: Callable[[], Sequence[str]] = tuple
    """The lines of `requirements.txt`, which `install` reads; nothing where there is no such file."""
    leaves: Sequence[str] = ()
    """What `prove` leaves in the folder, and no bundle should have."""
    does: str = "This prints the five most probable classes of each picture."
    """What the two commands do, for people."""


@dataclass(frozen=True)
class Target:
    """One runtime that a file can be carried to."""

    writes: str
    """What is in its bundle, for people."""
    proven_by: str
    """What runs the bundle here, for people; or that nothing does."""
    takes: Takes
    write: Callable[[Source, Path], Sequence[Artefact]]
    """Writes the artefacts into a folder; the client opens the first unless it is told otherwise."""
    client: Client
    runtime: str | None = None
    """The runtime of this package that runs the same, so that `verify` can name the first wrong layer."""
    values: Callable[[Path, NDArray[np.float32]], Iterator[NDArray[np.float32]]] | None = None
    """Where there is none that can: gives all values of an artefact for one image, (1, channels, height, width)."""

    calibrates: bool = False
    """Whether it quantises the file's network itself, where there are pictures for that."""

    def refuse(self, name: str, source: Source) -> None:
        """Finds out before the work that the target can't hold its promise for a file.

        Raises:
            NotApplicableError: it takes no such files.
            MissingDependencyError: what runs or writes the bundle is not installed.
            UnavailableError: it lacks something else.
        """
        file, form = source.path.name, source.form
        if form.embedded == "image" and not self.takes.pictures:
            raise NotApplicableError(
                f"{file} resizes its pictures itself, and {name} has no such resize.",
                hint="Export it from its source again with --preprocess uint8 (or without it), and quantize that file. "
                "The bundle's client then resizes as Pillow does.",
            )
        if source.precision not in self.takes.precisions:
            raise NotApplicableError(
                f"{file} holds {source.precision}, and {name} takes {' and '.join(self.takes.precisions)}.",
                hint="Give the file as it was before its precision was reduced"
                + (", and --calibrate photos/: it is then quantised anew." if self.calibrates else "."),
            )
        if form.dtype not in self.takes.inputs:
            raise NotApplicableError(
                f"{file} takes {form.dtype}, and {name} {' or '.join(self.takes.inputs)}.",
                hint="Export it again"
                + (" without --preprocess uint8." if form.dtype == "uint8" else " with an input in float32."),
            )
        if form.channels not in self.takes.channels:
            raise NotApplicableError(
                f"{file} takes pictures of {form.channels} channels, and the client of {name} those of "
                f"{' or '.join(map(str, self.takes.channels))}.",
                hint="Carry it to ort, whose client takes them.",
            )
        if form.layout not in self.takes.layouts:
            raise NotApplicableError(
                f"{file} takes its images as {form.layout.upper()}, and {name} as {self.takes.layouts[0].upper()}.",
                hint=f"Export it with --layout {self.takes.layouts[0]}.",
            )
        self.client.needs()


KNOWN = Registry[Target]("target", TARGETS, GROUP)
names = KNOWN.names


def find(name: str) -> Target:
    """The target of that name.

    Raises:
        UsageError: there is none.
    """
    if name in NOT_OFFERED and name not in names():
        raise UsageError(f"There is no target {name}: {NOT_OFFERED[name]}.", hint=f"Known are {', '.join(names())}.")
    return KNOWN.find(name)
