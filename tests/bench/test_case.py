from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper

from resnet_export.bench.case import Case, expand_cases, read_model
from resnet_export.bench.inputs import COUNT, Images
from resnet_export.data import decode, to_json
from resnet_export.errors import ModelError, UnavailableError, UsageError
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import Metadata
from resnet_export.images import Preprocessing
from resnet_export.runtimes import find
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_plan_is_the_product_each_once(net: Path) -> None:
    plan = expand_cases([net, net], ["ort:cpu", "ort:cpu,optimization=basic"], [1, 8], [1, 2])
    assert [(case.runtime, case.batch, case.threads) for case in plan] == [
        (runtime, batch, threads)
        for runtime in ("ort:cpu", "ort:cpu,optimization=basic")
        for batch in (1, 8)
        for threads in (1, 2)
    ]
    assert len({case.key for case in plan}) == 8


def test_a_case_survives_json(net: Path) -> None:
    (case,) = expand_cases([net], ["ort:cpu"])
    again = decode(Case, to_json(case), "a case")
    assert again == case
    assert again.key == case.key


def test_a_foreign_model(net: Path) -> None:
    model = read_model(net)
    assert model.images == Images("float32", "nchw", 3, 8, 8)
    assert (model.path, model.size, model.batch) == (str(net), net.stat().st_size, None)
    assert len(model.sha256) == 64


def test_a_file_of_any_size_is_timed_at_the_size_that_it_was_trained_with(net: Path, tmp_path: Path) -> None:
    model = onnx.load_model(net)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "size"
    onnx.save_model(model, tmp_path / "open.onnx")
    assert read_model(tmp_path / "open.onnx").images.shape(1) == (1, 3, 224, 224)
    spec = ResNetSpec(image_size=32)
    metadata = Metadata(spec, None, Interface(dynamic_size=True), Preprocessing.default(3, 32), "0" * 64, "0" * 64)
    helper.set_model_props(model, metadata.to_props())
    onnx.save_model(model, tmp_path / "open.onnx")
    assert read_model(tmp_path / "open.onnx").images.shape(1) == (1, 3, 32, 32)


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"batches": [0]}, "batch 0 is below 1."),
            ({"batches": [1, -4]}, "batch -4 is below 1."),
            ({"threads": [0]}, "threads 0 is below 1."),
            ({"runtimes": ["ort:cpu,thread=1"]}, "ort:cpu has no option 'thread'."),
            ({"runtimes": ["sinthetic"]}, "There is no runtime 'sinthetic'."),
            ({"runtimes": ["reference"], "threads": [1]}, "reference has no choice of threads."),
            ({"runtimes": ["ort:cpu,threads=2"], "threads": [1]}, "ort:cpu,threads=2 names its threads"),
        ],
    )
    def test_invalid_arguments(self, arguments: dict[str, list[int]], message: str, net: Path) -> None:
        with pytest.raises(UsageError) as caught:
            expand_cases([net], **{"runtimes": ["ort:cpu"], **arguments})  # type: ignore[arg-type]
        assert caught.value.message.startswith(message)
        assert caught.value.hint

    def test_a_batch_that_the_fixed_batch_forbids(self, make_net: Callable[..., Path]) -> None:
        fixed = make_net(4)
        assert len(expand_cases([fixed], ["ort:cpu"], [4])) == 1
        with pytest.raises(ModelError) as caught:
            expand_cases([fixed], ["ort:cpu"], [4, 8])
        assert caught.value.message == f"{fixed} takes batches of 4 only, and batch 8 was asked for."
        assert caught.value.hint == "Give --batch 4, or export it with --batch dynamic."

    def test_a_model_that_does_not_load(self, tmp_path: Path) -> None:
        (tmp_path / "bad.onnx").write_text("hello")
        with pytest.raises(ModelError, match=r"bad\.onnx is "):
            expand_cases([tmp_path / "bad.onnx"], ["ort:cpu"])

    def test_a_runtime_that_is_not_here(self, net: Path) -> None:
        if cuda_runs():
            pytest.skip("CUDA runs here")
        with pytest.raises(UnavailableError, match="CUDAExecutionProvider "):
            expand_cases([net], ["ort:cuda"])
        assert len(expand_cases([net], ["ort:cuda"], allow_fallback=True)) == 1


def cuda_runs() -> bool:
    try:
        find("ort:cuda").probe()
    except UnavailableError:
        return False
    return True


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "uint8", "int8"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_images(dtype: str, layout: str) -> None:
    images = Images(dtype, layout, 3, 8, 9)  # type: ignore[arg-type]
    drawn = images.draw(2)
    assert len(drawn) == COUNT
    assert {(one.shape, one.dtype.name) for one in drawn} == {
        ((2, 3, 8, 9) if layout == "nchw" else (2, 8, 9, 3), dtype)
    }
    assert not np.array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[3], images.draw(2)[3])
    (normalised, *_) = images.draw(2, as_file=False)
    assert (normalised.shape, normalised.dtype) == ((2, 3, 8, 9), np.float32)
