"""A file's own resize and crop, in ONNX Runtime, against Pillow's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from resnet_export.errors import UsageError
from resnet_export.graph.building import build_graph
from resnet_export.graph.cut import write_outputs
from resnet_export.graph.interface import Interface
from resnet_export.graph.resizing import CROP, FILTERS
from resnet_export.images import Preprocessing, prepare
from resnet_export.network import IMAGE, Network, Step
from tests.classify.files import ours

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

EMBEDDED = {"layout": "nhwc", "preprocess": "image", "opset": 18}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PHOTOGRAPHS = load_sample_images().images
LEAST = 0.993
"""Share of the values that are the same: at 235 pixels, ONNX Runtime's float32 scale is 6e-8 off."""


def prepared(path: Path, given: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W, C) behind the crop."""
    cut = path.with_name("cut.onnx")
    write_outputs(path, [CROP], cut)
    session = onnxruntime.InferenceSession(str(cut), providers=["CPUExecutionProvider"])
    found: NDArray[np.uint8] = session.run(None, {IMAGE: given})[0]
    return found.transpose(0, 2, 3, 1)


def rows_first(picture: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """As every Pillow before 13 resizes: that one takes the columns first where it saves time."""
    size, crop = preprocessing.resized(*picture.size), preprocessing.crop
    for step in ((size[0], picture.height), size):
        picture = picture.resize(step, Image.Resampling[preprocessing.interpolation.upper()])
    left, top = map(preprocessing.start, size)
    return np.asarray(picture.crop((left, top, left + crop, top + crop)))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("resize", [37, 232, 235, 256])
@pytest.mark.parametrize("aspect", ["kept", "squashed"])
@pytest.mark.parametrize("half", ["even", "down"])
def test_photographs_as_pillow_prepares_them(
    interpolation: Any, resize: int, aspect: Any, half: Any, tmp_path: Path
) -> None:
    preprocessing = Preprocessing(resize, 32, MEAN, STD, interpolation, aspect, half)
    path = ours(tmp_path / "net.onnx", preprocessing=preprocessing, **EMBEDDED)
    for photograph in (*PHOTOGRAPHS, PHOTOGRAPHS[0].transpose(1, 0, 2), PHOTOGRAPHS[1][:331, :251]):
        given = np.ascontiguousarray(photograph)
        found = prepared(path, given[None])[0].astype(int)
        distance = np.abs(found - rows_first(Image.fromarray(given), preprocessing))
        assert distance.max() <= 1
        assert (distance == 0).mean() >= LEAST
        assert np.abs(found - prepare(Image.fromarray(given), preprocessing)).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(50, 37), (37, 37), (37, 91), (36, 35), (32, 40), (300, 41)])
def test_every_rounding_of_size_and_crop(width: int, height: int, tmp_path: Path) -> None:
    """Half pixels, lengths that are rounded down, sides that grow: red is the column, green the row."""
    rows, columns = np.mgrid[0:height, 0:width]
    ramp = np.stack([columns * 255 // width, rows * 255 // height, 0 * rows], axis=-1).astype(np.uint8)
    for resize in (33, 37):
        preprocessing = Preprocessing(resize, 32, MEAN, STD, "bicubic")
        path = ours(tmp_path / "net.onnx", preprocessing=preprocessing, **EMBEDDED)
        distance = np.abs(prepared(path, ramp[None])[0].astype(int) - prepare(Image.fromarray(ramp), preprocessing))
        assert distance.max() <= 1


def test_a_batch_of_one_size(tmp_path: Path) -> None:
    path = ours(tmp_path / "net.onnx", **EMBEDDED)
    both = np.stack([PHOTOGRAPHS[0], PHOTOGRAPHS[1]])
    together = prepared(path, both)
    for one, given in zip(together, both, strict=True):
        assert np.array_equal(one, prepared(path, given[None])[0])


def test_framed_pixels_come_out_as_they_were(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    for resize in (32, 37, 40):
        for aspect in ("kept", "squashed"):
            for half in ("even", "down"):
                preprocessing = Preprocessing(resize, 32, MEAN, STD, "bicubic", aspect, half)  # type: ignore[arg-type]
                path = ours(tmp_path / "net.onnx", preprocessing=preprocessing, **EMBEDDED)
                assert np.array_equal(prepared(path, preprocessing.framed(pixels)), pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_the_file_takes(channels: int) -> None:
    network = Network((channels, 32, 32), (Step("relu", "Relu", (IMAGE,)),), ("relu",))
    model = build_graph(network, Interface(**EMBEDDED), Preprocessing.default(channels, 32), name="network")
    assert str(model.graph.inputs[0].shape) == f"[batch,height,width,{channels}]"
    assert str(model.graph.inputs[0].dtype) == "UINT8"


def test_the_smallest_opset_is_one_with_an_antialiased_resize() -> None:
    assert onnx.defs.get_schema("Resize", 17).attributes.keys() & {"antialias"} == set()
    assert "antialias" in onnx.defs.get_schema("Resize", 18).attributes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"opset": 17}, "needs opset 18"),
        ({"layout": "nchw"}, "NHWC, and not nchw"),
        ({"dynamic_size": True}, "any size already"),
    ],
)
def test_interfaces_that_a_file_of_pictures_cannot_have(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Interface(**EMBEDDED | change)


@pytest.mark.parametrize("interpolation", ["nearest", "lanczos"])
def test_an_interpolation_that_a_file_cannot_have(interpolation: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"the interpolation {interpolation} as Pillow does"):
        ours(tmp_path / "net.onnx", preprocessing=Preprocessing(37, 32, MEAN, STD, interpolation), **EMBEDDED)


@pytest.mark.parametrize("image", [(2, 32, 32), (3, 32, 48)])
def test_a_network_that_takes_no_pictures(image: tuple[int, int, int]) -> None:
    network = Network(image, (Step("relu", "Relu", (IMAGE,)),), ("relu",))
    with pytest.raises(UsageError, match="pictures have 1, 3, 4 channels and are cropped to 32 x 32"):
        build_graph(network, Interface(**EMBEDDED), Preprocessing.default(image[0], 32), name="network")
