"""Random PyTorch classifiers of tiny images, as people write them: modules, functions, branches, heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SIZE = 16
ACTIVATIONS: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.ELU, nn.LeakyReLU, nn.Mish, nn.Softplus,
    nn.Tanh, nn.Sigmoid, nn.SELU, nn.CELU, nn.Hardtanh, nn.PReLU, nn.Softsign, lambda: nn.GELU(approximate="tanh"),
    lambda: nn.ReLU(inplace=True),
)  # fmt: skip


class Residual(nn.Module):
    def __init__(self, inner: nn.Module, join: str) -> None:
        super().__init__()
        self.inner, self.join = inner, join

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        match self.join:
            case "concat":
                return torch.cat([x, y], 1)
            case "multiply":
                return x * torch.sigmoid(y)
            case "maximum":
                return torch.maximum(x, y)
        return x + 0.5 * y


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, mean: bool) -> None:
        super().__init__()
        self.mean = mean
        self.reduce, self.expand = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True) if self.mean else functional.adaptive_avg_pool2d(x, 1)
        return x * functional.hardsigmoid(self.expand(functional.relu(self.reduce(pooled))))


class Shuffle(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class ChannelsLast(nn.Module):
    """A norm over the channels, and a dense layer, behind a permutation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.dense = nn.LayerNorm(channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dense(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Split(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1)
        return torch.cat([right.tanh(), left], 1)


class Head(nn.Module):
    def __init__(self, random: Random, channels: int, size: int) -> None:
        super().__init__()
        self.kind = random.choice(["pool", "mean", "flatten", "max"])
        self.end = random.choice(["logits", "logits", "logits", "softmax", "sigmoid", "dict", "tuple"])
        features = channels * size * size if self.kind == "flatten" else channels
        self.hidden = nn.Linear(features, 8) if random.random() < 0.4 else None
        self.fc = nn.Linear(8 if self.hidden is not None else features, random.randint(2, 7))

    def forward(self, x: Tensor) -> Any:
        match self.kind:
            case "pool":
                x = torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)
            case "mean":
                x = x.mean([-2, -1])
            case "max":
                x = x.amax((2, 3))
            case _:
                x = x.reshape(x.shape[0], -1)
        if self.hidden is not None:
            x = functional.dropout(functional.relu(self.hidden(x)), 0.2, self.training)
        y = self.fc(x)
        match self.end:
            case "softmax":
                return y.softmax(-1)
            case "sigmoid":
                return torch.sigmoid(y)
            case "dict":
                return {"logits": y, "features": x}
            case "tuple":
                return y, x
        return y


def convolution(random: Random, channels: int, out: int, *, stride: int = 1) -> nn.Module:
    kernel = random.choice([1, 3, 3, 3, 5])
    group = random.choice([1, 1, channels]) if out % channels == 0 else 1
    dilation = random.choice([1, 1, 2]) if kernel == 3 else 1
    module = nn.Conv2d(
        channels, out, kernel, stride=stride, padding=dilation * (kernel // 2), dilation=dilation, groups=group,
        bias=random.random() < 0.5, padding_mode=random.choice(["zeros", "zeros", "zeros", "reflect", "replicate"]),
    )  # fmt: skip
    return nn.utils.parametrizations.weight_norm(module) if random.random() < 0.1 else module


def norm(random: Random, channels: int) -> nn.Module:
    kinds: list[Callable[[], nn.Module]] = [
        lambda: nn.BatchNorm2d(channels, eps=random.choice([1e-5, 1e-3])),
        lambda: nn.BatchNorm2d(channels),
        lambda: nn.BatchNorm2d(channels, affine=False),
        lambda: nn.GroupNorm(2, channels),
        lambda: nn.GroupNorm(1, channels),
        lambda: nn.InstanceNorm2d(channels, affine=True),
        nn.Identity,
    ]
    return random.choice(kinds)()


def block(random: Random, channels: int, depth: int = 0) -> nn.Module:
    """Channels in, as many out."""
    activation = random.choice(ACTIVATIONS)()
    match random.choice(["plain", "plain", "preact", "residual", "residual", "se", "shuffle", "last", "split"]):
        case "plain":
            return nn.Sequential(convolution(random, channels, channels), norm(random, channels), activation)
        case "preact":
            return nn.Sequential(norm(random, channels), activation, convolution(random, channels, channels))
        case "se":
            return SqueezeExcite(channels, random.random() < 0.5)
        case "shuffle":
            return Shuffle()
        case "split":
            return Split()
        case "last":
            return ChannelsLast(channels)
    if depth > 1:
        return activation
    return Residual(block(random, channels, depth + 1), random.choice(["add", "add", "multiply", "maximum"]))


def down(random: Random, channels: int) -> tuple[nn.Module, int]:
    """A step that halves the image, and the channels behind it."""
    match random.choice(["conv", "max", "max3", "avg", "unshuffle"]):
        case "conv":
            return convolution(random, channels, 2 * channels, stride=2), 2 * channels
        case "max":
            return nn.MaxPool2d(2, ceil_mode=random.random() < 0.3), channels
        case "max3":
            return nn.MaxPool2d(3, 2, padding=1), channels
        case "avg":
            return nn.AvgPool2d(3, 2, padding=1, count_include_pad=random.random() < 0.5), channels
    return nn.PixelUnshuffle(2), 4 * channels


def random_torch(random: Random) -> nn.Module:
    """A classifier of 3-channel images of 16 x 16."""
    torch.manual_seed(random.getrandbits(32))
    channels, size = random.choice([4, 6, 8]), SIZE
    modules: list[nn.Module] = [convolution(random, 3, channels), random.choice(ACTIVATIONS)()]
    for _ in range(random.randint(1, 5)):
        if size > 4 and channels <= 16 and random.random() < 0.4:
            module, channels = down(random, channels)
            size = (size + 1) // 2
        elif channels <= 16 and random.random() < 0.15:
            module, channels = Residual(block(random, channels), "concat"), 2 * channels
        else:
            module = block(random, channels)
        modules.append(module)
    model = nn.Sequential(*modules, Head(random, channels, size)).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.3)
        elif name.endswith("running_var"):
            tensor.uniform_(0.3, 1.5)
    return model
