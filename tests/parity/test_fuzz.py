"""Damaged and edited files: whatever is in them, they are judged or refused, with a message and without a traceback."""

from __future__ import annotations

import contextlib
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

from resnet_export.errors import ResNetExportError
from resnet_export.inspect import inspect
from resnet_export.parity.description import describe

from .test_own_graph import CORE, saved

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[Random, onnx.ModelProto], None]
    Change = Callable[[int, list[bytes]], bytes]

OPERATORS = (
    "Relu", "Conv", "Gemm", "Softmax", "Flatten", "Reshape", "Add", "MaxPool", "Transpose", "Concat", "Where",
    "Identity", "QuantizeLinear", "DequantizeLinear", "Slice", "Squeeze", "ReduceMean", "BatchNormalization", "Loop",
    "Nothing",
)  # fmt: skip
SIZES = (-1, 0, 1, 2, 3, 7, 10_000, 2**40)


def drop_a_node(random: Random, model: onnx.ModelProto) -> None:
    del model.graph.node[random.randrange(len(model.graph.node))]


def another_operator(random: Random, model: onnx.ModelProto) -> None:
    random.choice(model.graph.node).op_type = random.choice(OPERATORS)


def another_domain(random: Random, model: onnx.ModelProto) -> None:
    random.choice(model.graph.node).domain = random.choice(["com.microsoft", "ai.onnx.ml", "ai.onnx", "my.own"])


def another_input(random: Random, model: onnx.ModelProto) -> None:
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    node = random.choice([node for node in model.graph.node if node.input])
    node.input[random.randrange(len(node.input))] = random.choice([*names, "", "nowhere"])


def fewer_inputs(random: Random, model: onnx.ModelProto) -> None:
    del random.choice([node for node in model.graph.node if node.input]).input[random.randint(0, 1) :]


def another_attribute(random: Random, model: onnx.ModelProto) -> None:
    attributes = [one for node in model.graph.node for one in node.attribute]
    if attributes:
        one = random.choice(attributes)
        one.name = random.choice([one.name, "axis", "pads", "strides", "kernel_shape", "group", "epsilon"])
        one.i = random.choice(SIZES)
        one.ints[:] = [random.choice(SIZES) for _ in range(random.randint(0, 5))]


def another_shape(random: Random, model: onnx.ModelProto) -> None:
    sizes = random.choice([*model.graph.input, *model.graph.output]).type.tensor_type.shape.dim
    if sizes:
        random.choice(sizes).dim_value = random.choice(SIZES)


def another_type(random: Random, model: onnx.ModelProto) -> None:
    value = random.choice([*model.graph.input, *model.graph.output])
    value.type.tensor_type.elem_type = random.randint(0, 25)


def other_numbers(random: Random, model: onnx.ModelProto) -> None:
    tensor = random.choice(model.graph.initializer)
    tensor.data_type = random.choice([TensorProto.FLOAT, TensorProto.INT8, TensorProto.INT64, TensorProto.STRING, 99])
    if random.random() < 0.5:
        tensor.raw_data = tensor.raw_data[: random.randint(0, 64)]


def other_sizes_of_numbers(random: Random, model: onnx.ModelProto) -> None:
    tensor = random.choice(model.graph.initializer)
    tensor.dims[:] = [random.choice(SIZES[1:6]) for _ in range(random.randint(0, 5))]


def another_opset(random: Random, model: onnx.ModelProto) -> None:
    model.opset_import[0].version = random.choice([-1, 0, 1, 6, 11, 26, 27, 2**40])


def other_outputs(random: Random, model: onnx.ModelProto) -> None:
    model.graph.output[0].name = random.choice([name for node in model.graph.node for name in node.output] + ["", "no"])


EDITS: tuple[Edit, ...] = (
    drop_a_node, another_operator, another_domain, another_input, fewer_inputs, another_attribute, another_shape,
    another_type, other_numbers, other_sizes_of_numbers, another_opset, other_outputs,
)  # fmt: skip


def judged(path: Path, folder: Path) -> str:
    """What becomes of a file: `read`, or the kind of its refusal."""
    outcome = "read"
    try:
        describe(path, None, folder)
    except ResNetExportError as error:
        outcome = type(error).__name__
    with contextlib.suppress(ResNetExportError):
        inspect(path)
    return outcome


class Image(CalibrationDataReader):  # type: ignore[misc]
    """One image of noise."""

    def __init__(self) -> None:
        self.left = [{"x": np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)}]

    def get_next(self) -> dict[str, Any] | None:
        return self.left.pop() if self.left else None


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A small classifier: with a softmax, and quantised in three ways."""
    folder = tmp_path_factory.mktemp("originals")
    plain, target = saved(folder / "plain.onnx"), folder / "quantised.onnx"
    found = [saved(folder / "softmax.onnx", CORE + "p = Softmax<axis=1>(logits)", "float[N,10] p").read_bytes()]
    for form in QuantFormat:
        quantize_static(plain, target, Image(), quant_format=form, per_channel=True)
        found.append(target.read_bytes())
    quantize_dynamic(plain, target)
    return [*found, target.read_bytes()]


def edited(seed: int, originals: list[bytes]) -> bytes:
    random = Random(seed)
    model = onnx.ModelProto.FromString(random.choice(originals))
    for _ in range(random.randint(1, 3)):
        random.choice(EDITS)(random, model)
        if not model.graph.node:
            break
    return model.SerializeToString()


def damaged(seed: int, originals: list[bytes]) -> bytes:
    random = Random(seed)
    content = bytearray(random.choice(originals))
    for _ in range(random.randint(1, 8)):
        if not content:
            break
        at = random.randrange(min(len(content), random.choice([200, 1000, len(content)])))
        match random.randrange(4):
            case 0:
                content[at] = random.randrange(256)
            case 1:
                del content[at : at + random.randint(1, 20)]
            case 2:
                content[at:at] = random.randbytes(random.randint(1, 20))
            case _:
                del content[at:]
    return bytes(content)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", [edited, damaged])
def test_changed_files(change: Change, originals: list[bytes], tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(200):
        (tmp_path / "net.onnx").write_bytes(change(seed, originals))
        outcomes.add(judged(tmp_path / "net.onnx", tmp_path))
    assert {"read", "ModelError"} <= outcomes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(503629, id="an integer convolution without its first input"),
        pytest.param(510477, id="a weight made by a node without inputs"),
        pytest.param(515381, id="a group that is a list"),
    ],
)
def test_seeds_that_once_ended_otherwise(seed: int, originals: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(edited(seed, originals))
    assert judged(tmp_path / "net.onnx", tmp_path) == "ModelError"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", range(1000, 3000, 1000))
@pytest.mark.parametrize("change", [edited, damaged])
def test_many_changed_files(change: Change, start: int, originals: list[bytes], tmp_path: Path) -> None:
    for seed in range(start, start + 1000):
        (tmp_path / "net.onnx").write_bytes(change(seed, originals))
        judged(tmp_path / "net.onnx", tmp_path)
