from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from resnet_export.bench.roofline import Peaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def make_net(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_net(batch, dtype)`: an image classifier of one convolution, by nobody we know."""

    def make(batch: int | str = "N", dtype: int = TensorProto.FLOAT) -> Path:
        weight = np.random.default_rng(0).standard_normal((5, 3, 3, 3)).astype(np.float32)
        nodes = [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Conv", ["float", "weight"], ["conv"]),
            helper.make_node("GlobalAveragePool", ["conv"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("image", dtype, [batch, 3, 8, 8])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 5])],
            [numpy_helper.from_array(weight, "weight")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path_factory.mktemp("net") / "net.onnx"
        onnx.save_model(model, path)
        return path

    return make


@pytest.fixture(scope="module")
def fixed_peaks() -> Iterator[None]:
    """The peaks of the machine are not measured, which takes seconds."""
    peaks = Peaks("cpu", 2, {"float32": 1e11}, {"float32": "x", "memory": "y"}, 1e10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resnet_export.bench.roofline.measure_peaks", lambda *others, **options: peaks)
        yield


@pytest.fixture(scope="session")
def net(make_net: Callable[..., Path]) -> Path:
    return make_net()
