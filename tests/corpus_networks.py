"""Networks that people export, small and with batch norms as a training leaves them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.live.packages import declare_torchvision_operators

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    from torch import nn

CLASSES = 7


def with_torchvision() -> None:
    """Lets torchvision be imported, whatever its compiled operators fit; skips where it is missing."""
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: pip install --no-deps torchvision -c constraints.txt")
    declare_torchvision_operators()


def lively_torch(model: nn.Module) -> nn.Module:
    """Draws the numbers of batch norms: a check would be blind to zeros and ones."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0.0, 0.3, generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0.0, 0.2, generator=generator)
    return model.eval()


def lively_keras(model: keras.Model) -> keras.Model:
    """Draws the numbers of batch norms and biases."""
    generator = np.random.default_rng(0)
    for variable in model.variables:
        kind, shape = variable.path.rpartition("/")[2], variable.shape
        if kind in ("moving_mean", "beta", "bias"):
            variable.assign(generator.normal(0.0, 0.2, shape))
        elif kind in ("moving_variance", "gamma"):
            variable.assign(generator.uniform(0.5, 1.5, shape))
    return model


def timm_resnet() -> nn.Module:
    """A tiered deep stem, squeeze-excite, anti-aliasing, and an average pool in the shortcut."""
    with_torchvision()
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed: pip install --no-deps timm -c constraints.txt")
    import timm
    import torch

    torch.manual_seed(0)
    return lively_torch(
        timm.models.resnet.ResNet(
            timm.models.resnet.BasicBlock,
            (1, 1, 1, 1),
            num_classes=CLASSES,
            channels=(8, 16, 24, 32),
            stem_width=8,
            stem_type="deep_tiered",
            avg_down=True,
            aa_layer=timm.layers.BlurPool2d,
            block_args={"attn_layer": "se"},
        )
    )


def resnext() -> nn.Module:
    """torchvision's: bottlenecks whose 3x3 convolutions have four groups."""
    with_torchvision()
    import torch
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(0)
    return lively_torch(ResNet(Bottleneck, [1, 1, 1, 1], num_classes=CLASSES, groups=4, width_per_group=4))


def mobilenet() -> nn.Module:
    """Inverted residuals with depthwise convolutions, ReLU6, hard swish and a hard sigmoid's gates."""
    import torch
    from torch import nn

    class Gate(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.scale = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1),
                nn.Hardsigmoid(),
            )  # fmt: skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.scale(x)

    class Inverted(nn.Module):
        def __init__(self, channels: int, out: int, stride: int, activation: type[nn.Module]) -> None:
            super().__init__()
            wide = 4 * channels
            self.residual = stride == 1 and channels == out
            self.layers = nn.Sequential(
                nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), activation(),
                nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), activation(),
                Gate(wide), nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out),
            )  # fmt: skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.layers(x) if self.residual else self.layers(x)

    torch.manual_seed(0)
    stem = (nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
    blocks = (Inverted(8, 8, 1, nn.ReLU6), Inverted(8, 12, 2, nn.ReLU6), Inverted(12, 12, 1, nn.Hardswish))
    end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(12, CLASSES))
    return lively_torch(nn.Sequential(*stem, *blocks, *end))


def densenet() -> nn.Module:
    """Layers that take all that came before them, behind their batch norms."""
    import torch
    from torch import nn

    class Dense(nn.Module):
        def __init__(self, channels: int, growth: int) -> None:
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, growth, 3, 1, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, self.conv(torch.relu(self.norm(x)))], 1)

    torch.manual_seed(0)
    transition = (nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 1, bias=False), nn.AvgPool2d(2, 2))
    end = (nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES))
    stem = (nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return lively_torch(nn.Sequential(*stem, Dense(8, 4), Dense(12, 4), *transition, Dense(8, 4), Dense(12, 4), *end))


def resnet_v2() -> keras.Model:
    """keras.applications' pre-activations, with zeros before a max pool of signed values."""
    import keras

    keras.utils.set_random_seed(0)
    return lively_keras(keras.applications.ResNet50V2(weights=None, input_shape=(32, 32, 3), classes=CLASSES))


def tutorial(filters: Sequence[int] = (8, 8, 12)) -> keras.Model:
    """Biased convolutions with `same` padding, also where the stride is 2, and batch norms of Keras's own eps."""
    import keras
    from keras import layers

    def block(x: Any, width: int, stride: int, projects: bool) -> Any:
        y = layers.Conv2D(width, 3, strides=stride, padding="same")(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(y))
        if projects:
            x = layers.BatchNormalization()(layers.Conv2D(width, 1, strides=stride)(x))
        return layers.ReLU()(layers.Add()([y, x]))

    keras.utils.set_random_seed(0)
    x = image = keras.Input((16, 16, 3))
    for index, width in enumerate(filters):
        x = block(x, width, 2 if index == 1 else 1, index == 0 or index == 1 or x.shape[-1] != width)
    x = layers.GlobalAveragePooling2D()(x)
    return lively_keras(keras.Model(image, layers.Dense(CLASSES, activation="softmax")(x)))
