"""A copy of a file that gives other values of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest

from resnet_export.errors import ModelError
from resnet_export.graph.cut import value_names, write_outputs
from tests.inspect.graphs import model_of, zeros

if TYPE_CHECKING:
    from pathlib import Path

BODY = "a = Conv(x, w) b = Conv(a, v) p = Softmax<axis=1>(b) y = Identity(p)"


def saved(path: Path, *, ir_version: int = 8) -> Path:
    proto = model_of("(float[N,3,8,8] x) => (float[N,5,8,8] y)", BODY, **zeros(w=(6, 3, 1, 1), v=(5, 6, 1, 1)))
    proto.ir_version = ir_version
    for tensor in proto.graph.initializer if ir_version == 3 else ():
        proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("ir_version", [3, 8])
def test_the_copy_gives_these_values_and_computes_nothing_else(ir_version: int, tmp_path: Path) -> None:
    """Files of IR version 3 list their initializers among the inputs."""
    path = saved(tmp_path / "net.onnx", ir_version=ir_version)
    write_outputs(path, ["a"], tmp_path / "cut.onnx")
    copy = onnx.load(tmp_path / "cut.onnx")
    assert [node.op_type for node in copy.graph.node] == ["Conv"]
    assert [value.name for value in copy.graph.output] == ["a"]
    session = onnxruntime.InferenceSession(tmp_path / "cut.onnx", providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["x"]
    (found,) = session.run(None, {"x": np.ones((2, 3, 8, 8), np.float32)})
    assert found.shape == (2, 6, 8, 8)


def test_the_float_values_in_their_order(tmp_path: Path) -> None:
    assert value_names(saved(tmp_path / "net.onnx")) == ["a", "b", "p", "y"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx")
    proto = onnx.load(path)
    proto.graph.node[0].name = "convolution"
    path.write_bytes(proto.SerializeToString().replace(b"convolution", b"convolutio\xff"))
    with pytest.raises(ModelError, match=r"net\.onnx is damaged: one of its names is no UTF-8") as caught:
        write_outputs(path, ["a"], tmp_path / "cut.onnx")
    assert caught.value.exit_code == 3
    assert caught.value.hint
