"""ResNet in PyTorch, with torchvision's state_dict names.

from resnet_export.models.torch import ResNet

model = ResNet(ResNetSpec(depth=50))
logits = model(torch.randn(2, 3, 224, 224))  # (2, 1000)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, spec: ResNetSpec, in_channels: int, stage: int, stride: int) -> None:
        super().__init__()
        inner, eps = spec.inner_channels(stage), spec.eps
        self.conv1 = conv(in_channels, inner, 3, stride)
        self.bn1 = norm(inner, eps)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(inner, inner, 3)
        self.bn2 = norm(inner, eps)
        self.downsample = shortcut(in_channels, inner, stride, eps)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, inner, ceil(H / stride), ceil(W / stride))."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu2(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; the 3x3 has the stride, or the first 1x1 where the spec says so."""

    def __init__(self, spec: ResNetSpec, in_channels: int, stage: int, stride: int) -> None:
        super().__init__()
        inner, outer, eps = spec.inner_channels(stage), spec.outer_channels(stage), spec.eps
        first, second = spec.strides(stride)
        self.conv1 = conv(in_channels, inner, 1, first)
        self.bn1 = norm(inner, eps)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(inner, inner, 3, second, spec.groups)
        self.bn2 = norm(inner, eps)
        self.relu2 = nn.ReLU()
        self.conv3 = conv(inner, outer, 1)
        self.bn3 = norm(outer, eps)
        self.downsample = shortcut(in_channels, outer, stride, eps)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, outer, ceil(H / stride), ceil(W / stride))."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu3(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """The network of `spec`, He-initialised by torch's own generator."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.spec = spec
        imagenet = spec.stem == "imagenet"
        self.conv1 = conv(spec.in_channels, spec.width, 7 if imagenet else 3, 2 if imagenet else 1)
        self.bn1 = norm(spec.width, spec.eps)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if imagenet else nn.Identity()

        block = Bottleneck if spec.variant.bottleneck else BasicBlock
        channels = spec.width
        for stage, blocks in enumerate(spec.variant.blocks):
            layer = nn.Sequential()
            for index in range(blocks):
                layer.append(block(spec, channels, stage, 2 if stage > 0 and index == 0 else 1))
                channels = spec.outer_channels(stage)
            self.add_module(f"layer{stage + 1}", layer)

        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, spec.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> logits (N, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.fc(self.flatten(self.avgpool(x)))


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without a bias, padded symmetrically by half of its kernel."""
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


def norm(channels: int, eps: float) -> nn.BatchNorm2d:
    """Batch norm; torch's momentum is the share of the new batch."""
    return nn.BatchNorm2d(channels, eps=eps, momentum=0.1)


def shortcut(in_channels: int, out_channels: int, stride: int, eps: float) -> nn.Sequential | None:
    """A projection where the shapes of a block's input and output differ, else None: the identity."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), norm(out_channels, eps))


def build(spec: ResNetSpec) -> ResNet:
    """The network of `spec`, ready to train."""
    return ResNet(spec)


def load(model: nn.Module, weights: Weights) -> None:
    """Copies `weights` into `model` without changing a bit.

    Raises:
        ValueError: the model's parameters are not those of `weights.spec`.
    """
    state = model.state_dict()
    counters = {name for name in state if name.endswith(".num_batches_tracked")}
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if name not in counters}
    if shapes != weights.spec.parameters:  # copy_ would stretch a tensor of one channel over many
        raise ValueError(f"the model's parameters are not those of {weights.spec}")
    with torch.no_grad():
        for name, array in weights.items():
            state[name].copy_(torch.from_numpy(array.copy()))  # torch takes no read-only array
        for name in counters:
            state[name].zero_()


def read(model: nn.Module, spec: ResNetSpec) -> Weights:
    """The parameters of `model`: of this module's or of any other with torchvision's names, on any device, of any type.

    Raises:
        CheckpointError: its parameters are not those of the network of `spec`.
    """
    tensors = {}
    for name, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu()
        tensors[name] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return Weights(spec, tensors, origin=f"the torch model {type(model).__name__}")
