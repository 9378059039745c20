"""Random functional Keras classifiers of tiny images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

if TYPE_CHECKING:
    from random import Random

SIZE = 16
ACTIVATIONS = ("relu", "relu6", "elu", "selu", "silu", "gelu", "softplus", "tanh", "sigmoid", "hard_sigmoid", None)


def random_keras(random: Random) -> keras.Model:
    """A classifier of images of 16 x 16 x 3."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(random.getrandbits(31))
    images = keras.Input((SIZE, SIZE, 3))
    x = images
    if random.random() < 0.4:
        x = layers.Rescaling(1 / 127.5, offset=-1.0)(x) if random.random() < 0.5 else layers.Rescaling(1 / 255)(x)
    elif random.random() < 0.2:
        x = layers.Normalization(mean=[0.4, 0.5, 0.3], variance=[0.04, 0.05, 0.06])(x)
    x = layers.Conv2D(random.choice([4, 6, 8]), 3, padding="same")(x)
    for _ in range(random.randint(1, 6)):
        x = _layer(random, x)
    x = _vector(random, x)
    if random.random() < 0.4:
        x = layers.Dropout(0.3)(layers.Dense(8, activation=random.choice(ACTIVATIONS))(x))
    end = random.choice([None, None, "softmax", "sigmoid"])
    model = keras.Model(images, layers.Dense(random.randint(2, 7), activation=end)(x))
    numbers = np.random.default_rng(random.getrandbits(32))
    for variable in model.weights:
        if variable.name in ("bias", "beta", "moving_mean"):
            variable.assign(numbers.normal(0, 0.3, variable.shape))
        elif variable.name == "moving_variance":
            variable.assign(numbers.uniform(0.3, 1.5, variable.shape))
    return model


def _layer(random: Random, x: Any) -> Any:
    channels, size = x.shape[-1], min(x.shape[1:3])
    stride = random.choice([1, 1, 2]) if size > 4 else 1
    padding = random.choice(["same", "same", "valid"]) if size > 4 else "same"
    bias, activation = random.random() < 0.5, random.choice(ACTIVATIONS)
    match random.choice(["conv", "depthwise", "separable", "norm", "act", "pool", "pad", "join", "se", "shape"]):
        case "conv":
            dilation = 2 if stride == 1 and size > 6 and random.random() < 0.2 else 1
            return layers.Conv2D(
                random.choice([4, 6, 8]), random.choice([1, 3]), strides=stride, padding=padding,
                dilation_rate=dilation, use_bias=bias, activation=activation,
            )(x)  # fmt: skip
        case "depthwise":
            times = random.choice([1, 1, 2])
            layer = layers.DepthwiseConv2D(3, stride, padding, depth_multiplier=times, use_bias=bias)
            return layer(x)
        case "separable":
            return layers.SeparableConv2D(6, 3, stride, padding, use_bias=bias, activation=activation)(x)
        case "norm":
            return _norm(random, x)
        case "act":
            return _activation(random, x)
        case "pool":
            kind = random.choice([layers.MaxPooling2D, layers.AveragePooling2D])
            return kind(random.choice([2, 3]), strides=stride, padding=padding)(x)
        case "pad":
            pad = layers.ZeroPadding2D(((random.randint(0, 2), 1), (1, random.randint(0, 2))))(x)
            return layers.Conv2D(channels, 3, padding="valid", use_bias=bias)(pad) if random.random() < 0.6 else pad
        case "join":
            y = layers.Conv2D(channels, 3, padding="same", activation=activation)(x)
            kinds = [layers.Add, layers.Concatenate, layers.Multiply, layers.Average, layers.Maximum, layers.Subtract]
            return random.choice(kinds)()([x, y])
        case "se":
            y = layers.GlobalAveragePooling2D(keepdims=random.random() < 0.5)(x)
            y = layers.Dense(channels, activation="sigmoid")(layers.Dense(2, activation="relu")(y))
            return layers.Multiply()([x, layers.Reshape((1, 1, channels))(y)])
    return layers.Permute((2, 1, 3))(x) if random.random() < 0.5 else layers.Cropping2D(((0, 1), (1, 0)))(x)


def _norm(random: Random, x: Any) -> Any:
    match random.choice(["batch", "batch", "bare", "layer", "group"]):
        case "batch":
            return layers.BatchNormalization(epsilon=random.choice([1e-3, 1e-5]))(x)
        case "bare":
            return layers.BatchNormalization(scale=random.random() < 0.5, center=random.random() < 0.5)(x)
        case "layer":
            return layers.LayerNormalization()(x)
    return layers.GroupNormalization(2)(x)


def _activation(random: Random, x: Any) -> Any:
    kinds = [
        lambda: layers.ReLU(max_value=random.choice([None, 6.0]), negative_slope=random.choice([0.0, 0.1])),
        lambda: layers.LeakyReLU(negative_slope=0.2),
        lambda: layers.PReLU(shared_axes=[1, 2]),
        lambda: layers.ELU(alpha=0.5),
        lambda: layers.Activation(random.choice(ACTIVATIONS[:-1])),
        lambda: layers.Softmax(),
    ]
    return random.choice(kinds)()(x)


def _vector(random: Random, x: Any) -> Any:
    match random.choice(["average", "average", "max", "flatten"]):
        case "average":
            return layers.GlobalAveragePooling2D()(x)
        case "max":
            return layers.GlobalMaxPooling2D()(x)
    return layers.Flatten()(x)
