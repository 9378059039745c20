"""Files that tf2onnx writes of Keras's networks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import in_keras
from zoo.files import File, Own
from zoo.files.torch_files import quiet

SIZE = 64
SIZES = {"Xception": 71, "InceptionV3": 75}
OPSETS = {"MobileNet": 13, "ResNet50V2": 13, "DenseNet121": 14, "EfficientNetB0": 15, "MobileNetV2": 15, "Xception": 16,
          "MobileNetV3Small": 17, "EfficientNetV2B0": 18, "InceptionV3": 12, "ResNet50": 11}  # fmt: skip
"""Network of keras.applications -> opset of its file."""


def files() -> Iterator[File]:
    """keras.applications, with the preprocessing that some have in them."""
    for name, opset in OPSETS.items():
        write = functools.partial(_written, name, opset)
        yield File(f"keras/{name}-tf2onnx-{opset}", "keras", "tf2onnx", ("keras", "tensorflow-cpu", "tf2onnx"), write)


def _written(name: str, opset: int, path: Path) -> Own:
    import tensorflow as tf
    import tf2onnx

    size = SIZES.get(name, SIZE)
    model = awake(in_keras.application(name, size))
    signature = [tf.TensorSpec((None, size, size, 3), tf.float32, name="input")]
    with quiet():
        tf2onnx.convert.from_keras(model, input_signature=signature, opset=opset, output_path=str(path))

    def own(images: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(model(images, training=False))

    return own


def awake(model: Any) -> Any:
    """The model with depthwise convolutions that are no smaller than others; see `torch_files.awake`."""
    import keras

    generator = np.random.default_rng(in_keras.SEED)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D):
            kernel = layer.weights[0]
            kernel.assign(generator.normal(0.0, np.sqrt(2 / np.prod(kernel.shape[:2])), kernel.shape))
    return model
