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
from resnet_export.network.residual import Block
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights, description
from resnet_export.weights.description import Description
from resnet_export.weights.naming.keras import canonical_name, to_canonical, to_keras

if TYPE_CHECKING:
    from keras import KerasTensor


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


@_usual_settings()
def build(spec: ResNetSpec) -> keras.Model:
    """The network of `spec`, He-initialised by Keras's own generator, ready to train.

    Its input is (N, image_size, image_size, in_channels), its output the logits (N, num_classes). It is float32 and
    channels last whatever keras.json says.
    """
    image = x = layers.Input((spec.image_size, spec.image_size, spec.in_channels), name="input")
    design = spec.design
    (stem,) = design.stem
    x = layers.ReLU(name="relu")(norm(conv(x, stem.channels, stem.kernel, stem.stride, "conv1"), spec.eps, "bn1"))
    if design.pool == "max":
        # After a ReLU nothing is below 0, so padding with zeros is padding with minus infinity.
        x = layers.MaxPooling2D(3, strides=2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool.pad")(x))
    for block in design.blocks:
        x = residual(x, block, spec.eps)
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    return keras.Model(image, layers.Dense(spec.num_classes, name="fc")(x), name=f"resnet{spec.depth}")


def residual(x: KerasTensor, block: Block, eps: float) -> KerasTensor:
    """A block: convolutions with a batch norm each, and a shortcut, which is a projection or `x` itself.

    (N, H, W, C) -> (N, H / stride, W / stride, channels).
    """
    name, out = block.name, x
    for index, one in enumerate(block.path, start=1):
        if index > 1:
            out = layers.ReLU(name=f"{name}.relu{index - 1}")(out)
        out = conv(out, one.channels, one.kernel, one.stride, f"{name}.conv{index}", one.groups)
        out = norm(out, eps, f"{name}.bn{index}")
    if block.shortcut != "identity":
        x = norm(conv(x, block.channels, 1, block.stride, f"{name}.downsample.0"), eps, f"{name}.downsample.1")
    return layers.ReLU(name=f"{name}.relu{len(block.path)}")(layers.Add(name=f"{name}.add")([out, x]))


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
    """The parameters of a built model: of this module's, or of another whose layers have torchvision's names.

    Raises:
        CheckpointError: its parameters are not those of the network of `spec`.
    """
    tensors = {name: to_canonical(variable.numpy()) for name, variable in variables(model).items()}
    return Weights(spec, tensors, origin=f"the Keras model {model.name}")


def save(weights: Weights, path: str | os.PathLike[str], said: Description | None = None) -> None:
    """Writes `.keras` (the whole model) or `.weights.h5` as Keras itself does; an existing file is replaced.

    The description is what the training says of the network; `.weights.h5` has no place for it.

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
