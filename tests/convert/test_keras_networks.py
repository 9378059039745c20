"""Operations of TensorFlow that tf2onnx does not know by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export import export
from tests.live.running import answers, images, near

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_dense_layer_of_the_channels_of_each_place(tmp_path: Path) -> None:
    """As in ConvNeXt; TensorFlow makes a matrix of the places of all images."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(image)
    x = keras.layers.Add()([x, keras.layers.Dense(4)(keras.layers.Dense(6, activation="gelu")(x))])
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)))
    assert export(model, tmp_path / "dense.onnx").passed
