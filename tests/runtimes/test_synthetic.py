"""The test double does as it is told, and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from resnet_export.errors import UsageError
from resnet_export.runtimes import open_session, parse_runtime

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two times its input."""
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 2, 2]) for name in ("image", "sum")]
    graph = helper.make_graph([helper.make_node("Add", ["image", "image"], ["sum"])], "net", infos[:1], infos[1:])
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def run(text: str, net: Path) -> tuple[NDArray[Any], float]:
    """(the output, milliseconds that it took)."""
    with open_session(text, net) as session:
        begin = time.perf_counter()
        return session.run(IMAGES), (time.perf_counter() - begin) * 1e3


@pytest.mark.parametrize("inside", ["reference", "ort:cpu"])
@pytest.mark.parametrize(("options", "least_ms"), [("", 0), (",latency_ms=5", 5), (",latency_ms=5,slower=3", 15)])
def test_it_takes_its_time_and_gives_the_file_s_output(inside: str, options: str, least_ms: float, net: Path) -> None:
    output, took_ms = run(f"synthetic,inside={inside}{options}", net)
    np.testing.assert_array_equal(output, 2 * IMAGES)
    assert took_ms >= least_ms


@pytest.mark.parametrize("value", ["0.5", "0", "-1", "inf", "nan"])
def test_a_slow_down_that_is_none(value: str) -> None:
    with pytest.raises(UsageError, match=rf"synthetic,slower={value} is no slow-down\."):
        parse_runtime(f"synthetic,slower={value}")
