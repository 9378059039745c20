from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest

from resnet_export.errors import UsageError
from resnet_export.graph.interface import HEADS, OPSETS, SCALE, SHIFT, Interface
from resnet_export.images import Preprocessing
from resnet_export.network.evaluation import outputs_of
from resnet_export.parity.gate.gate import FILE_FACTOR, floor, max_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

    from .conftest import Maker


def run(path: Path, images: NDArray[Any]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    output: NDArray[np.float32] = session.run(None, {"input": images})[0]
    return output


def described(value: onnx.ValueInfoProto) -> tuple[str, int, list[int | str]]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, [axis.dim_param or axis.dim_value for axis in tensor.shape.dim]


FLOAT, UINT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8


@pytest.mark.parametrize(
    ("variant", "taken", "given"),
    [
        ({}, (FLOAT, ["batch", 3, 32, 32]), ("logits", ["batch", 10])),
        ({"batch": 4}, (FLOAT, [4, 3, 32, 32]), ("logits", [4, 10])),
        ({"layout": "nhwc"}, (FLOAT, ["batch", 32, 32, 3]), ("logits", ["batch", 10])),
        ({"dynamic_size": True}, (FLOAT, ["batch", 3, "height", "width"]), ("logits", ["batch", 10])),
        (
            {"layout": "nhwc", "dynamic_size": True, "preprocess": "uint8"},
            (UINT8, ["batch", "height", "width", 3]),
            ("logits", ["batch", 10]),
        ),
        ({"head": "probabilities"}, (FLOAT, ["batch", 3, 32, 32]), ("probabilities", ["batch", 10])),
        ({"head": "embedding", "batch": 1}, (FLOAT, [1, 3, 32, 32]), ("embedding", [1, 64])),
    ],
)
def test_what_the_file_takes_and_gives(
    variant: dict[str, Any], taken: tuple[int, list[Any]], given: tuple[str, list[Any]], make: Maker, tiny: ResNetSpec
) -> None:
    graph = onnx.load(make.file(tiny, Interface(**variant))).graph
    assert [described(value) for value in graph.input] == [("input", *taken)]
    assert [described(value) for value in graph.output] == [(given[0], FLOAT, given[1])]
    assert graph.name == "resnet18"


@pytest.mark.parametrize(
    ("variant", "before"),
    [
        ({}, []),
        ({"layout": "nhwc"}, [("preprocess.transpose", "Transpose")]),
        (
            {"preprocess": "uint8"},
            [("preprocess.cast", "Cast"), ("preprocess.scale", "Mul"), ("preprocess.shift", "Add")],
        ),
        (
            {"layout": "nhwc", "preprocess": "uint8"},
            [
                ("preprocess.cast", "Cast"),
                ("preprocess.transpose", "Transpose"),
                ("preprocess.scale", "Mul"),
                ("preprocess.shift", "Add"),
            ],
        ),
    ],
)
def test_nodes_before_the_network(
    variant: dict[str, Any], before: list[tuple[str, str]], make: Maker, tiny: ResNetSpec
) -> None:
    """A layout costs one Transpose and nothing else."""
    plain = onnx.load(make.file(tiny)).graph.node
    nodes = onnx.load(make.file(tiny, Interface(**variant))).graph.node
    assert [(node.name, node.op_type) for node in nodes[: len(before)]] == before
    assert [(node.name, node.op_type) for node in nodes[len(before) :]] == [(node.name, node.op_type) for node in plain]


def test_constants_of_the_preprocessing_are_rounded_once(make: Maker, tiny: ResNetSpec) -> None:
    model, metadata = make.model(tiny, Interface(preprocess="uint8"))
    for name, exact in zip((SCALE, SHIFT), metadata.preprocessing.scale_and_shift(), strict=True):
        found = model.graph.initializers[name].const_value
        assert found is not None
        assert found.shape == (1, 3, 1, 1)
        np.testing.assert_array_equal(found.numpy(), exact.astype(np.float32))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("preprocess", ["none", "uint8"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dynamic_size", [False, True])
def test_the_file_computes_the_network(
    layout: Any,
    preprocess: Any,
    head: Any,
    dynamic_size: bool,
    make: Maker,
    small: ResNetSpec,
    trained: Callable[..., Weights],
) -> None:
    generator = np.random.default_rng(0)
    size = (41, 37) if dynamic_size else (32, 32)
    if preprocess == "uint8":
        images: NDArray[Any] = generator.integers(0, 256, (3, *size, 3), dtype=np.uint8)
        exact = Preprocessing.default(3, 32).normalise(images)
    else:
        images = generator.standard_normal((3, *size, 3), dtype=np.float32)
        exact = images.transpose(0, 3, 1, 2).astype(np.float64)
    if layout == "nchw":
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    path = make.file(small, Interface(layout, None, dynamic_size, head, preprocess))
    found = run(path, images)
    (truth,) = outputs_of(small.network, trained(small), exact, ["flatten" if head == "embedding" else "fc"])
    if head == "probabilities":
        powers = np.exp(truth - truth.max(axis=1, keepdims=True))
        np.testing.assert_allclose(found, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)
    elif head == "sigmoid":
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-truth)), rtol=1e-4)
    else:
        assert max_error(found, truth.astype(np.float64)) <= FILE_FACTOR * floor(truth.astype(np.float64))


def test_a_fixed_batch_refuses_others(make: Maker, tiny: ResNetSpec) -> None:
    path = make.file(tiny, Interface(batch=2))
    assert run(path, np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 10)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with pytest.raises(Exception, match="Got: 3 Expected: 2"):
        session.run(None, {"input": np.zeros((3, 3, 32, 32), np.float32)})


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_is_valid_and_declares_the_lowest_ir_version(opset: int, make: Maker, small: ResNetSpec) -> None:
    for variant in ({}, {"layout": "nhwc", "preprocess": "uint8", "head": "probabilities"}):
        path = make.file(small, Interface(opset=opset, **variant))  # type: ignore[arg-type]
        proto = onnx.load(path)
        onnx.checker.check_model(proto, full_check=True)
        assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
        lowest = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)])
        assert proto.ir_version == lowest


def test_every_opset_computes_the_same_bits(make: Maker, small: ResNetSpec) -> None:
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)
    outputs = {opset: run(make.file(small, Interface(opset=opset)), images).tobytes() for opset in (13, 17, 26)}
    assert len(set(outputs.values())) == 1


def test_the_opsets_are_13_to_26() -> None:
    assert (OPSETS[0], OPSETS[-1], len(OPSETS)) == (13, 26, 14)


@pytest.mark.parametrize(
    ("variant", "message", "hint"),
    [
        ({"layout": "chwn"}, "layout is 'chwn'.", "Choose one of nchw, nhwc."),
        ({"head": "softmax"}, "head is 'softmax'.", "Choose one of logits, probabilities, sigmoid, embedding."),
        ({"preprocess": "float"}, "preprocess is 'float'.", "Choose one of none, uint8, image."),
        ({"opset": 12}, "opset is 12.", "Choose one of 13 to 26."),
        ({"opset": 27}, "opset is 27.", "Choose one of 13 to 26."),
        ({"batch": 0}, "batch is 0.", "Give a whole number from 1, or leave it dynamic."),
        ({"batch": -2}, "batch is -2.", "Give a whole number from 1, or leave it dynamic."),
    ],
)
def test_values_outside_their_range(variant: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Interface(**variant)
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, hint, 2)


def test_plain_data_for_json() -> None:
    interface = Interface("nhwc", 4, True, "embedding", "uint8", 20)
    assert Interface(**json.loads(json.dumps(interface.as_dict()))) == interface
    assert interface.as_dict() == asdict(interface)
