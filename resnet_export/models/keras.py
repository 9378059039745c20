"""ResNet in Keras: a functional model, channels last, whose layers have the names of torchvision's modules.

from resnet_export.models.keras import build

model = build(ResNetSpec(depth=50))
logits = model(numpy.zeros((2, 224, 224, 3), "float32"))  # (2, 1000)
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
from keras import layers

from resnet_export.errors import CheckpointError
from resnet_export.files import reported, staged
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights, description
from resnet_export.weights.description import Description
from resnet_export.weights.naming.keras import canonical_name, to_canonical, to_keras

if TYPE_CHECKING:
    from keras import KerasTensor


def build(spec: ResNetSpec) -> keras.Model:
    """The network of `spec`, He-initialised by Keras's own generator, ready to train.

    Its input is (N, image_size, image_size, in_channels), its output the logits (N, num_classes). It is float32 and
    channels last whatever keras.json says.
    """
    with _usual_settings():
        return _build(spec)


@contextlib.contextmanager
def _usual_settings() -> Iterator[None]:
    """Keras's own defaults, for as long as the layers are made."""
    config = keras.config
    layout, policy, floatx = config.image_data_format(), config.dtype_policy(), config.floatx()
    config.set_image_data_format("channels_last")
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    try:
        yield
    finally:
        config.set_image_data_format(layout)
        config.set_floatx(floatx)
        config.set_dtype_policy(policy)


def _build(spec: ResNetSpec) -> keras.Model:
    image = x = layers.Input((spec.image_size, spec.image_size, spec.in_channels), name="input")
    imagenet = spec.stem == "imagenet"
    x = norm(conv(x, spec.width, 7 if imagenet else 3, 2 if imagenet else 1, "conv1"), spec.eps, "bn1")
    x = layers.ReLU(name="relu")(x)
    if imagenet:
        # After a ReLU nothing is below 0, so padding with zeros is padding with minus infinity.
        x = layers.MaxPooling2D(3, strides=2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool.pad")(x))

    block = bottleneck if spec.variant.bottleneck else basic_block
    for stage, blocks in enumerate(spec.variant.blocks):
        for index in range(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            x = block(x, spec, stage, stride, f"layer{stage + 1}.{index}")

    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    return keras.Model(image, layers.Dense(spec.num_classes, name="fc")(x), name=f"resnet{spec.depth}")


def basic_block(x: KerasTensor, spec: ResNetSpec, stage: int, stride: int, name: str) -> KerasTensor:
    """Two 3x3 convolutions and a shortcut: (N, H, W, C) -> (N, H / stride, W / stride, inner)."""
    inner, eps = spec.inner_channels(stage), spec.eps
    out = norm(conv(x, inner, 3, stride, f"{name}.conv1"), eps, f"{name}.bn1")
    out = layers.ReLU(name=f"{name}.relu1")(out)
    out = norm(conv(out, inner, 3, 1, f"{name}.conv2"), eps, f"{name}.bn2")
    out = layers.Add(name=f"{name}.add")([out, shortcut(x, inner, stride, eps, name)])
    return layers.ReLU(name=f"{name}.relu2")(out)


def bottleneck(x: KerasTensor, spec: ResNetSpec, stage: int, stride: int, name: str) -> KerasTensor:
    """1x1, 3x3 and 1x1 convolutions and a shortcut; the 3x3 has the stride, or the first 1x1 where the spec says so.

    (N, H, W, C) -> (N, H / stride, W / stride, outer).
    """
    inner, outer, eps = spec.inner_channels(stage), spec.outer_channels(stage), spec.eps
    first, second = spec.strides(stride)
    out = norm(conv(x, inner, 1, first, f"{name}.conv1"), eps, f"{name}.bn1")
    out = layers.ReLU(name=f"{name}.relu1")(out)
    out = norm(conv(out, inner, 3, second, f"{name}.conv2", spec.groups), eps, f"{name}.bn2")
    out = layers.ReLU(name=f"{name}.relu2")(out)
    out = norm(conv(out, outer, 1, 1, f"{name}.conv3"), eps, f"{name}.bn3")
    out = layers.Add(name=f"{name}.add")([out, shortcut(x, outer, stride, eps, name)])
    return layers.ReLU(name=f"{name}.relu3")(out)


def shortcut(x: KerasTensor, channels: int, stride: int, eps: float, name: str) -> KerasTensor:
    """A projection where the shapes of a block's input and output differ, else `x` itself."""
    if stride == 1 and x.shape[-1] == channels:
        return x
    return norm(conv(x, channels, 1, stride, f"{name}.downsample.0"), eps, f"{name}.downsample.1")


def conv(x: KerasTensor, channels: int, kernel: int, stride: int, name: str, groups: int = 1) -> KerasTensor:
    """A convolution without a bias, padded symmetrically by half of its kernel.

    Keras's `same` does that at stride 1 only: with a stride it pads the bottom and right more than the top and left.
    """
    if stride > 1 and kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}.pad")(x)
    return layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="same" if stride == 1 else "valid",
        groups=groups,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )(x)


def norm(x: KerasTensor, eps: float, name: str) -> KerasTensor:
    """Batch norm; Keras's momentum is the share of the old average, one less torch's 0.1."""
    return layers.BatchNormalization(epsilon=eps, momentum=0.9, name=name)(x)


def load(model: keras.Model, weights: Weights) -> None:
    """Copies `weights` into `model` without changing a bit.

    Raises:
        ValueError: from Keras, when a variable's shape differs.
        KeyError: the model has a variable that `weights` lacks.
    """
    for name, variable in variables(model).items():
        variable.assign(to_keras(weights[name]))


def read(model: keras.Model, spec: ResNetSpec) -> Weights:
    """The parameters of `model`: of this module's, or of another whose layers have torchvision's names.

    Args:
        model: a built model.
        spec: whose network it is.

    Raises:
        CheckpointError: its parameters are not those of that network.
    """
    tensors = {name: to_canonical(variable.numpy()) for name, variable in variables(model).items()}
    return Weights(spec, tensors, origin=f"the Keras model {model.name}")


def save(weights: Weights, path: str | os.PathLike[str], said: Description | None = None) -> None:
    """Writes `.keras` (the whole model) or `.weights.h5` as Keras itself does; an existing file is replaced.

    Args:
        weights: of the model.
        path: of the file.
        said: what the training says of the network; `.weights.h5` has no place for it.

    Raises:
        CheckpointError: the name has another suffix.
        UnavailableError: the file cannot be written.
    """
    name = os.fspath(path)
    if not name.endswith((".keras", ".weights.h5")):
        raise CheckpointError(f"Keras does not save {name}.", hint="Give a name that ends in .keras or .weights.h5.")
    model = build(weights.spec)
    load(model, weights)
    with staged(path) as temporary, reported(path):
        if name.endswith(".keras"):
            model.save(temporary)
            if said is not None:
                with zipfile.ZipFile(temporary, "a") as archive:
                    archive.writestr(description.ENTRY, description.encode(said))
        else:
            model.save_weights(temporary)


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Canonical name -> variable, for every weight of the model, nested models included."""
    named = {}
    for variable in model.weights:
        layer, part = variable.path.split("/")[-2:]
        named[canonical_name(layer, part)] = variable
    return named
