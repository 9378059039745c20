"""The bytes of a model in parts are those of protobuf, and leave nothing in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.graph.file import read
from resnet_export.graph.serial import _varint, serialised
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from .conftest import Maker


@pytest.mark.parametrize(
    "spec", [ResNetSpec(18, 10, image_size=32, width=8), ResNetSpec(50, 1000, image_size=32, width=4, stem="cifar")]
)
def test_the_bytes_are_those_of_protobuf(spec: ResNetSpec, make: Maker) -> None:
    path = make.file(spec)
    expected = ir.to_proto(read(path)).SerializeToString(deterministic=True)
    model = read(path)
    found = b"".join(serialised(model))
    assert found == expected
    onnx.checker.check_model(onnx.load_model_from_string(found), full_check=True)
    assert all(value.const_value is None for value in model.graph.initializers.values())


@given(st.integers(0, 2**40))
def test_a_varint_is_protobufs(value: int) -> None:
    described = onnx.TensorProto(dims=[value])
    assert described.SerializeToString() in (
        b"\x08" + _varint(value),
        b"\x0a" + _varint(len(_varint(value))) + _varint(value),
    )
