"""Operations of TensorFlow that tf2onnx does not know by itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.live.running import answers, images, near

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate: bool) -> None:
    from resnet_export.convert.keras import trace

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(image)
    model = keras.Model(image, keras.ops.gelu(x, approximate=approximate))
    (found,) = answers(trace(model, (3, 8, 8)), images())
    expected = np.asarray(model(images().transpose(0, 2, 3, 1), training=False))
    assert near(found, expected)
