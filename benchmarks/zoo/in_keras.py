"""The corpus in Keras: keras.applications and the networks of tutorials, with random weights."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo import Member

RESNETS = ("ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2")
OTHERS = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0",
          "VGG16", "DenseNet121", "InceptionV3", "Xception", "NASNetMobile", "ConvNeXtTiny")  # fmt: skip
SMALLEST = {"InceptionV3": 75, "Xception": 71}
FILTERS = (64, 64, 128, 128, 256, 256, 512, 512)
WITHOUT_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
"""TensorFlow's variable; 0 turns it off."""
SEED = 0


def members() -> Iterator[Member]:
    """Those of Keras, where it is installed."""
    if importlib.util.find_spec("keras") is None:
        return
    for group, names in (("keras.applications", RESNETS), ("keras.applications-others", OTHERS)):
        for name in names:
            yield Member(group, name, functools.partial(application, name), SMALLEST.get(name, 32))
    yield Member("tutorial", "eight-blocks", lambda size: lively(eight_blocks(size)), smallest=224)
    yield Member("tutorial", "eight-blocks-trained", trained, only=16)


def lively(model: Any) -> Any:
    """The model with batch norms and biases as a training leaves them; see `in_torch.lively`."""
    import keras
    import numpy as np

    generator = np.random.default_rng(SEED)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.moving_mean.shape
            layer.moving_mean.assign(generator.normal(0.0, 0.3, channels))
            layer.moving_variance.assign(generator.uniform(0.5, 2.0, channels))
            if layer.scale:
                layer.gamma.assign(generator.uniform(0.5, 1.5, channels))
            if layer.center:
                layer.beta.assign(generator.normal(0.0, 0.2, channels))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.normal(0.0, 0.2, layer.bias.shape))
    return model


def application(name: str, size: int, **options: Any) -> Any:
    """A network of keras.applications."""
    import keras

    keras.utils.set_random_seed(SEED)
    return lively(getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **options))


def eight_blocks(size: int = 224, channels: int = 3, filters: tuple[int, ...] = FILTERS, classes: int = 1000) -> Any:
    """A tutorial's network: no stem, eight blocks of two biased convolutions, Keras's defaults throughout."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    image = keras.Input((size, size, channels))
    x = image
    for index, width in enumerate(filters):
        x = _block(x, width, stride=2 if index == 1 else 1, projects=index == 0)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(x))


def _block(x: Any, filters: int, stride: int, projects: bool) -> Any:
    from keras import layers

    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
    shortcut = x
    if projects or stride != 1 or x.shape[-1] != filters:
        shortcut = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=stride)(x))
    return layers.ReLU()(layers.Add()([y, shortcut]))


def trained(size: int) -> Any:
    """A small one of the tutorial's kind, trained on handwritten digits.

    In a process of its own and without oneDNN, with which TensorFlow 2.21 dies while it trains this network.
    """
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/trained.keras"
        code = f"from zoo.in_keras import train; train({size}, {path!r})"
        here = Path(__file__).resolve().parent.parent
        subprocess.run([sys.executable, "-c", code], check=True, cwd=here, env=os.environ | {WITHOUT_ONEDNN: "0"})
        return keras.models.load_model(path)


def train(size: int, path: str) -> None:
    """Trains it, and saves it."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16).astype("float32").repeat(size // 8, axis=1).repeat(size // 8, axis=2)[..., None]
    model = eight_blocks(size, 1, (8, 8, 16, 16), 10)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, digits.target, batch_size=64, epochs=3, verbose=0)
    model.save(path)
