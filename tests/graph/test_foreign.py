from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest

from resnet_export.errors import ModelError
from resnet_export.graph.file import read
from resnet_export.graph.foreign import ImageInput, image_input
from resnet_export.graph.interface import Interface
from tests.inspect.graphs import model_of, zeros

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec

    from .conftest import Maker

PATH = Path("net.onnx")


def found(signature: str, body: str = "y = Conv(x, w)", **weights: Any) -> ImageInput:
    proto = model_of(signature, body, **(weights or zeros(w=(6, 3, 3, 3))))
    return image_input(ir.from_proto(proto), PATH)


@pytest.mark.parametrize(
    ("axes", "layout", "channels", "size", "batch"),
    [
        ("1,3,224,200", "nchw", 3, (224, 200), 1),
        ("N,3,H,W", "nchw", 3, (None, None), None),
        ("N,1,28,28", "nchw", 1, (28, 28), None),
        ("N,4,H,8", "nchw", 4, (None, 8), None),
        ("8,224,200,3", "nhwc", 3, (224, 200), 8),
        ("N,H,W,1", "nhwc", 1, (None, None), None),
    ],
)
def test_by_the_sizes(
    axes: str, layout: str, channels: int, size: tuple[int | None, int | None], batch: int | None
) -> None:
    image = found(f"(float[{axes}] x) => (float[N,6,a,b] y)")
    assert image == ImageInput("x", "float32", layout, channels, *size, batch)  # type: ignore[arg-type]


HYPERSPECTRAL = zeros(w=(6, 12, 3, 3))


@pytest.mark.parametrize(
    ("axes", "body", "layout", "channels"),
    [
        ("N,12,H,W", "y = Conv(x, w)", "nchw", 12),
        ("N,C,H,W", "y = Conv(x, w)", "nchw", 12),
        ("N,H,W,C", "t = Transpose<perm = [0, 3, 1, 2]>(x) y = Conv(t, w)", "nhwc", 12),
        ("N,12,12,12", "t = Transpose<perm = [0, 3, 1, 2]>(x) y = Conv(t, w)", "nhwc", 12),
        ("N,12,12,12", "a = Transpose<perm = [0, 2, 3, 1]>(x) b = Transpose<perm = [0, 3, 1, 2]>(a) y = Conv(b, w)",
         "nchw", 12),
        ("N,H,W,12", "c = Cast<to = 1>(x) d = Div(c, s) e = Sub(d, s) t = Transpose<perm = [0, 3, 1, 2]>(e)"
         " y = Conv(t, w)", "nhwc", 12),
        ("N,8,8,12", "t = Reshape(x, shape) y = Conv(t, w)", "nhwc", 12),
        ("N,12,8,8", "t = Reshape(x, shape) y = Conv(t, w)", "nchw", 12),
        ("N,3,8,3", "t = Transpose<perm = [0, 3, 1, 2]>(x) y = Conv<group = 1>(t, w)", "nhwc", 3),
        ("N,C,H,W", "y = Conv<group = 2>(x, w)", "nchw", 24),
        ("N,5,8,8", "y = Relu(x)", "nchw", 5),
        ("N,3,3,3", "a = Identity(w) q = Relu(x) y = Conv(q, a)", "nchw", 3),
    ],
)  # fmt: skip
def test_by_the_first_convolution(axes: str, body: str, layout: str, channels: int) -> None:
    image = found(f"(float[{axes}] x) => (float y)", body, **HYPERSPECTRAL, s=1.0, shape=[0, 12, 8, 8])
    assert (image.layout, image.channels) == (layout, channels)


def test_a_quantised_weight() -> None:
    body = "xq = QuantizeLinear(x, s, z) t = Transpose<perm = [0, 3, 1, 2]>(xq) y = QLinearConv(t, s, z, w, s, z, s, z)"
    image = found("(float[N,H,W,C] x) => (uint8[N,6,a,b] y)", body, **HYPERSPECTRAL, s=1.0, z=1)
    assert (image.layout, image.channels) == ("nhwc", 12)


@pytest.mark.parametrize("kind", ["uint8", "float16", "bfloat16", "double"])
def test_types(kind: str) -> None:
    dtype = found(f"({kind}[N,3,8,8] x) => (float[N,6,a,b] y)").dtype
    assert dtype == ("float64" if kind == "double" else kind)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("preprocess", ["none", "uint8"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_files_of_ours(layout: Any, preprocess: Any, dynamic: bool, make: Maker, tiny: ResNetSpec) -> None:
    path = make.file(tiny, Interface(layout, 2, dynamic, "logits", preprocess))
    image = image_input(read(path), path)
    size = (None, None) if dynamic else (32, 32)
    assert image == ImageInput("input", "uint8" if preprocess == "uint8" else "float32", layout, 3, *size, 2)
    assert image.layout == layout


def test_initializers_among_the_inputs_are_none() -> None:
    assert found("(float[N,3,8,8] x, float[6,3,3,3] w) => (float[N,6,a,b] y)").name == "x"


@pytest.mark.parametrize(
    ("signature", "body", "message"),
    [
        ("(float[N,3,8,8] left, float[N,3,8,8] right) => (float[N,3,8,8] y)", "y = Add(left, right)",
         "net.onnx takes 2 inputs ('left', 'right'), and one image is expected."),
        ("() => (float[6,3,3,3] y)", "y = Relu(w)", "net.onnx takes no inputs, and one image is expected."),
        ("(float[N,784] x) => (float[N,784] y)", "y = Relu(x)",
         "net.onnx takes no image: its input 'x' is float32 (N, 784), and a batch of images has four axes."),
        ("(bool[N,3,8,8] x) => (bool[N,3,8,8] y)", "y = Not(x)", "its input 'x' is bool (N, 3, 8, 8)"),
        ("(string[N,3,8,8] x) => (string[N,3,8,8] y)", "y = Identity(x)", "its input 'x' is string (N, 3, 8, 8)"),
        ("(float x) => (float y)", "y = Relu(x)", "its input 'x' is float32 (), and"),
        ("(float[N,C,H,W] x) => (float[N,C,H,W] y)", "y = Relu(x)", "leaves open how many channels its input 'x' has"),
        ("(float[N,99999,H,W] x) => (float[N,C,H,W] y)", "y = Relu(x)", "takes images of 99,999 channels"),
    ],
)  # fmt: skip
def test_what_is_no_image(signature: str, body: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        found(signature, body)
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_images_as_the_file_takes_them(dtype: str) -> None:
    images = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3).astype(np.float32)
    last = ImageInput("x", dtype, "nhwc", 3, 4, 5, None).arrange(images)
    first = ImageInput("x", dtype, "nchw", 3, 4, 5, None).arrange(images)
    assert last.dtype == first.dtype == dtype
    assert last.flags.c_contiguous
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(last, images)
    np.testing.assert_array_equal(first, images.transpose(0, 3, 1, 2))
