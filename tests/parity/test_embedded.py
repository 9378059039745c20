"""The preparation inside a file is measured in each runtime, and one that resizes otherwise is no runtime for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from PIL import Image

from resnet_export import export, predict, verify
from resnet_export.bench.case import read_model
from resnet_export.errors import ModelError, UsageError
from resnet_export.images import Preprocessing
from resnet_export.inspect import inspect
from resnet_export.optional import is_installed
from resnet_export.parity.results import PreparationDistance
from tests.classify.files import PREPARED, ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

EMBEDDED = {"layout": "nhwc", "preprocess": "image", "opset": 18}


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return ours(tmp_path / "net.onnx", **EMBEDDED)


def test_in_onnx_runtime(net: Path, photos: Path) -> None:
    report = verify(net, images=photos, runtimes="ort:cpu")
    assert report.passed
    noise, pictures = report.preparation
    assert (noise.inputs, noise.pictures, pictures.inputs, pictures.pictures) == ("random", 1, "pictures", 2)
    assert max(noise.largest, pictures.largest) <= 1
    assert min(noise.equal, pictures.equal) > 0.99


def test_without_pictures_noise_alone_is_measured(net: Path) -> None:
    assert [one.inputs for one in verify(net, runtimes="ort:cpu").preparation] == ["random"]


@pytest.mark.skipif(not is_installed("openvino"), reason="openvino is not installed")
def test_a_runtime_without_antialiasing_is_not_one_for_the_file(net: Path, photos: Path) -> None:
    report = verify(net, runtimes=["ort:cpu", "openvino"])
    assert not report.passed
    assert ["its resize is another one" in (result.reason or "") for result in report.runtimes] == [False, True]
    (note,) = predict(net, photos, runtime="openvino").notes
    assert note.startswith("The answers are not those of the network on such pictures. openvino: its resize")
    assert predict(net, photos).notes == ()


def test_another_rule_than_that_of_the_metadata_is_seen(net: Path) -> None:
    """The nodes of the file are those that its metadata ask for."""
    model = onnx.load(net)
    (resize,) = [node for node in model.graph.node if node.op_type == "Resize"]
    (antialias,) = [one for one in resize.attribute if one.name == "antialias"]
    antialias.i = 0
    onnx.save(model, net)
    report = verify(net, runtimes="ort:cpu")
    assert report.failures == ("preprocess.resize: antialias is 0 in the graph and 1 in the specification.",)


def test_constants_of_another_crop_are_seen(net: Path) -> None:
    model = onnx.load(net)
    (length,) = [one for one in model.graph.initializer if one.name == "preprocess.resize.length"]
    length.CopyFrom(onnx.numpy_helper.from_array(np.array([40]), length.name))
    onnx.save(model, net)
    assert "preprocess.resize.length is not [37]" in verify(net, runtimes="ort:cpu").failures[0]


@pytest.mark.parametrize("bgr", [False, True])
def test_answers_are_those_of_the_file_that_leaves_it_to_the_caller(bgr: bool, tmp_path: Path, photos: Path) -> None:
    preprocessing = Preprocessing(PREPARED.resize, 32, PREPARED.mean, PREPARED.std, "bicubic", bgr=bgr)
    plain = predict(ours(tmp_path / "plain.onnx", preprocessing=preprocessing), photos)
    path = ours(tmp_path / "image.onnx", preprocessing=preprocessing, batch=2, **EMBEDDED)
    inside = predict(path, photos)
    assert (plain.prepared_in_file, inside.prepared_in_file) == (False, True)
    for mine, theirs in zip(inside.pictures, plain.pictures, strict=True):
        assert [found.index for found in mine.top] == [found.index for found in theirs.top]
        expected = [found.probability for found in theirs.top]
        assert [found.probability for found in mine.top] == pytest.approx(expected, abs=5e-3)


def test_what_would_change_nothing_is_refused(net: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="--mean, --resize would change nothing"):
        predict(net, photos, resize=40, mean=(0.5,) * 3)
    with pytest.raises(UsageError, match="--image-size would change nothing"):
        predict(net, photos, image_size=64)
    with pytest.raises(UsageError, match="crops them itself"):
        verify(net, image_size=64)


def test_inspect_and_bench_know_it(net: Path) -> None:
    report = inspect(net)
    assert report.canonical
    assert (report.image_size, report.faults) == ((32, 32), ())
    assert all(layer.multiply_adds for layer in report.layers)
    model = read_model(net)
    assert model.images.shape(2) == (2, 32, 32, 3)
    assert model.cost is not None


def test_it_is_no_source(net: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="resizes its pictures itself") as caught:
        export(net, tmp_path / "again.onnx")
    assert "without --preprocess image" in (caught.value.hint or "")


def test_an_export(small: ResNetSpec, trained: Callable[..., Weights], photos: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"framework": "keras", "images": photos, "interpolation": "bicubic", "resize": 40}
    report = export(trained(small), tmp_path / "net.onnx", preprocess="image", **options)
    assert report.verification is not None
    assert report.passed
    assert (report.interface.layout, report.interface.opset, report.interface.dynamic_size) == ("nhwc", 18, False)
    assert [one.inputs for one in report.verification.preparation] == ["random", "pictures"]
    assert json.loads(json.dumps(report.as_dict()))["verification"]["preparation"][1]["pictures"] == 2
    Image.new("RGB", (500, 33), "red").save(tmp_path / "wide.png")
    assert predict(tmp_path / "net.onnx", tmp_path / "wide.png").pictures[0].error is None


def test_in_words() -> None:
    assert str(PreparationDistance("ort:cpu", "pictures", 2, 0.9998, 1)) == (
        "99.98% of the values as in Pillow, the others up to 1 of 255 off (2 pictures in ort:cpu)"
    )
    assert str(PreparationDistance("ort:cpu", "random", 1, 1.0, 0)) == (
        "100.00% of the values as in Pillow (a random picture in ort:cpu)"
    )
