"""Small classifiers, as this package writes them and as other tools do, without a framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from resnet_export.assumptions import Assumption
from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind, write
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.graph.reading import read
from resnet_export.images import Preprocessing
from tests.inspect.graphs import model_of

CLASSES, SIZE = 10, 32
LABELS = tuple(f"class {index}" for index in range(CLASSES))
PREPARED = Preprocessing(37, SIZE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
"""Sizes with which all roundings differ from their neighbours."""
LOGITS = "c = Conv(x, w) r = Relu(c) g = GlobalAveragePool(r) f = Flatten(g) y = Gemm<transB = 1>(f, v, b)"


def weights(classes: int = CLASSES, channels: int = 3) -> dict[str, Any]:
    """Numbers with which photographs get clearly different answers, and no probability is nearly 1."""
    generator = np.random.default_rng(3)
    draw = {"w": (8, channels, 3, 3), "v": (classes, 8), "b": (classes,)}
    return {name: 0.6 * generator.standard_normal(shape).astype(np.float32) for name, shape in draw.items()}


def foreign(path: Path, signature: str = "(float[N,3,32,32] x) => (float[N,10] y)", body: str = LOGITS) -> Path:
    """A file of another tool."""
    classes = 1 if "[N,1] y" in signature else CLASSES
    used = {name: array for name, array in weights(classes).items() if f"{name})" in body or f"{name}," in body}
    path.write_bytes(model_of(signature, body, **used).SerializeToString())
    return path


def ours(
    path: Path,
    *,
    classes: int = CLASSES,
    preprocessing: Preprocessing = PREPARED,
    labels: tuple[str, ...] | None = None,
    assumptions: tuple[Assumption, ...] = (),
    order: Sequence[int] | None = None,
    **interface: Any,
) -> Path:
    """A file of this package; `order` are the places at which its classes stand otherwise."""
    drawn = weights(classes)
    drawn |= {} if order is None else {name: drawn[name][list(order)] for name in "vb"}
    proto = model_of(f"(float[N,3,{SIZE},{SIZE}] x) => (float[N,{classes}] y)", LOGITS, **drawn)
    reading, wrapped = read(ir.from_proto(proto), (3, SIZE, SIZE)), Interface(**interface)
    model = build_graph(reading.network, wrapped, preprocessing, name="network")
    bind(model, reading.numbers)
    digest = initializers_digest(model)
    metadata = Metadata(None, reading.network, wrapped, preprocessing, "0" * 64, digest, labels, assumptions)
    write(model, path, metadata)
    return path


def in_float16(source: Path, target: Path) -> Path:
    """A copy whose input, output and numbers are float16."""
    proto = onnx.load(source)
    for tensor in proto.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(proto, target)
    return target
