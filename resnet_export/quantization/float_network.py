"""`FloatNetwork`: a network with its numbers, and the file that takes normalised pictures and gives its logits.

All of a quantisation is decided on this file, whatever the interface of the one that is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from resnet_export.files import reported
from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind, read, read_metadata, write
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.graph.recipe import Quantization
from resnet_export.images import Preprocessing
from resnet_export.network import IMAGE, Network
from resnet_export.network.folding import unfolded
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.session import Session

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FloatNetwork:
    """A network whose batch norms are folded, with its numbers in float32."""

    metadata: Metadata
    outputs: tuple[str, ...]
    """The names of the file's outputs behind the first."""
    numbers: Arrays
    path: Path
    """Where its file is, or is going to be: normalised pictures (N, C, H, W) in, logits out."""

    @cached_property
    def network(self) -> Network:
        """Its steps."""
        return unfolded(self.metadata.canonical)

    @property
    def preprocessing(self) -> Preprocessing:
        """How its pictures are prepared."""
        return self.metadata.preprocessing

    @cached_property
    def value_of(self) -> Mapping[str, str]:
        """Step, or the image -> the name of its value in the file at `path`."""
        return value_names(onnx.load_model(self.path, load_external_data=False))

    def open(self) -> Session:
        """A session of the file at `path`."""
        return parse_runtime("ort:cpu").open(self.path)

    def graph(self, interface: Interface | None = None) -> ir.Model:
        """The graph with its numbers, called as the file is that it came from, or in another way."""
        given = self.metadata.interface if interface is None else interface
        spec = self.metadata.spec
        name = f"resnet{spec.depth}" if spec is not None else "network"
        model = build_graph(self.network, given, self.preprocessing, name=name, outputs=self.outputs)
        bind(model, self.numbers)
        return model

    def written(self) -> FloatNetwork:
        """The same, once its file is written."""
        plain = Interface(opset=self.metadata.interface.opset, batch=self.network.batch)
        with reported(self.path):
            ir.save(self.graph(plain), self.path)
        return self

    def write(self, reduced: ir.Model, path: Path, made: Quantization) -> Path:
        """Writes a graph of reduced precision, with what this network's file says and how it was made."""
        digest = initializers_digest(reduced)
        with reported(path):
            write(reduced, path, replace(self.metadata, initializers_digest=digest, quantization=made))
        return path

    def changed(self, numbers: Arrays, path: Path) -> FloatNetwork:
        """The network with some other numbers, and a file of its own."""
        return replace(self, numbers={**self.numbers, **numbers}, path=path).written()


def read_float_network(path: Path, folder: Path) -> FloatNetwork:
    """The network of a canonical file.

    Args:
        path: of the file.
        folder: where the file with its logits is put.
    """
    model = read(path)
    metadata = read_metadata(model, path)
    values = model.graph.initializers.items()
    numbers = {name: value.const_value.numpy() for name, value in values if value.const_value is not None}
    others = tuple(value.name or "" for value in model.graph.outputs[1:])
    return FloatNetwork(metadata, others, numbers, folder / "float.onnx").written()


def value_names(model: onnx.ModelProto) -> dict[str, str]:
    """Step, or the image -> the name of its value in a canonical file: a step's node has its name."""
    steps = {node.name: node.output[0] for node in model.graph.node}
    before = [node.output[0] for node in model.graph.node if node.name.startswith("preprocess.")]
    return {**steps, IMAGE: before[-1] if before else model.graph.input[0].name}
