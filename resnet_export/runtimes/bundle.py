"""A bundle that `deploy` wrote, read by its folder: its networks, what they take, and the runtime that runs each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_export.data import decode
from resnet_export.errors import ModelError, UsageError
from resnet_export.graph.file import files_of, read
from resnet_export.graph.foreign import ImageInput
from resnet_export.graph.interface import Activation, Embedded, Layout
from resnet_export.images import Preprocessing
from resnet_export.runtimes import find, parse_runtime
from resnet_export.runtimes.session import Precision

CONFIG = "deploy.json"
RUNTIME_OF = dict.fromkeys(("ort", "node", "web", "triton"), "ort:cpu") | {"openvino-cpp": "openvino"}
"""Target -> the runtime of its networks, where that has another name."""


@dataclass(frozen=True)
class Input:
    """What a network takes, as `deploy.json` has it."""

    name: str
    dtype: str
    """As NumPy calls it."""
    layout: Layout
    """Order of the axes."""
    batch: int | None
    """Images a run takes; None for any number."""
    channels: int
    embedded: Embedded
    """How much of the preparation is in the file."""


@dataclass(frozen=True)
class Output:
    """What they give."""

    name: str
    activation: Activation | None
    """What makes probabilities of it; None where it is these."""


@dataclass(frozen=True)
class Bundle:
    """What `deploy.json` says, as far as other commands need it."""

    target: str
    artefacts: Mapping[str, Precision]
    """Name of a network's file in the bundle -> in what it is computed."""
    input: Input
    output: Output
    preparation: Preprocessing

    @property
    def taken(self) -> ImageInput:
        """What the networks take."""
        given, prepares = self.input, self.input.embedded == "image"
        side = None if prepares else self.preparation.crop
        return ImageInput(given.name, given.dtype, given.layout, given.channels, side, side, given.batch, prepares)

    def runtimes(self, artefact: str, asked: Sequence[str] | None = None) -> list[str]:
        """What a network runs in: those that were asked for, or its own one in the network's precision.

        Raises:
            UsageError: no runtime of this package opens it, or another one was asked for.
        """
        name = RUNTIME_OF.get(self.target, self.target)
        others = [text for text in asked or () if parse_runtime(text).name != name]
        if others:
            raise UsageError(
                f"{artefact} runs in {name}, not in {others[0]}.", hint=f"Leave the runtime out, or give {name}."
            )
        precision = self.artefacts[artefact]
        has_choice = any(field.name == "precision" for field in dataclasses.fields(find(name).options))
        own = parse_runtime(f"{name},precision={precision}" if has_choice and precision != "int8" else name)
        return list(asked or [str(own)])


def is_bundle(path: Path) -> bool:
    """Whether it is a folder that may be one, or not an `.onnx` file but a network in one."""
    return path.is_dir() or (path.suffix != ".onnx" and (path.parent / CONFIG).is_file())


def read_bundle(path: Path) -> tuple[Bundle, dict[str, Path]]:
    """Reads a bundle.

    Args:
        path: its folder; or a network in it, to which it is then narrowed.

    Returns:
        What it says, and the file of each network by its name in the bundle.

    Raises:
        ModelError: it is no bundle, or a network is missing.
        InputError: its description can't be read.
    """
    folder = path if path.is_dir() else path.parent
    if not (folder / CONFIG).is_file():
        raise ModelError(
            f"{folder} is a folder, and no bundle: it has no {CONFIG}.",
            hint="Give an .onnx file, or a folder that `resnet-export deploy` wrote.",
        )
    bundle = decode(Bundle, (folder / CONFIG).read_bytes(), str(folder / CONFIG), hint="Write the bundle again.")
    files = {name: folder / name for name in bundle.artefacts if path.is_dir() or name == path.name}
    missing = [file for file in files.values() if not file.is_file()]
    if missing or not files:
        raise ModelError(f"{(missing or [path])[0]} is no network of this bundle.", hint="Write the bundle again.")
    return bundle, files


def parts_of(network: Path) -> Iterator[Path]:
    """The files of a network: IR and ncnn have its numbers beside it, and some `.onnx` files too."""
    beside = files_of(read(network), network) if network.suffix == ".onnx" else (network, network.with_suffix(".bin"))
    yield from filter(Path.exists, beside)
