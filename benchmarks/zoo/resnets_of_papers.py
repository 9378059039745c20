"""ResNets without a package of their own, as their repositories define and save them, each with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from resnet_export.live.packages import declare_torchvision_operators
from zoo.in_torch import SEED, lively

State = dict[str, torch.Tensor]
FEATURES = 512
"""Of torchvision's ResNet-18."""


class CifarBlock(nn.Module):
    """kuangliu/pytorch-cifar's BasicBlock; without `projected`, akamaster's with the shortcut of option A."""

    def __init__(self, taken: int, given: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(taken, given, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(given)
        self.conv2 = nn.Conv2d(given, given, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(given)
        self.more = (given - taken) // 2
        layers = [nn.Conv2d(taken, given, 1, stride, bias=False), nn.BatchNorm2d(given)]
        self.shortcut = nn.Sequential(*(layers if projected and (stride > 1 or self.more) else []))
        self.projected = projected

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to logits; of a part, its input to its output."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        shortcut = self.shortcut(x)
        if self.more and not self.projected:
            shortcut = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))
        return functional.relu(y + shortcut)


class CifarNet(nn.Module):
    """kuangliu/pytorch-cifar's ResNet and akamaster/pytorch_resnet_cifar10's."""

    def __init__(self, widths: tuple[int, ...], blocks: int, *, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        taken, self.stages = widths[0], len(widths)
        for stage, width in enumerate(widths):
            strides = [2 if stage else 1] + [1] * (blocks - 1)
            layers = []
            for stride in strides:
                layers.append(CifarBlock(taken, width, stride, projected=projected))
                taken = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(taken, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to logits; of a part, its input to its output."""
        x = functional.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean((2, 3)))


def cifar(widths: tuple[int, ...], blocks: int, *, projected: bool) -> Callable[[int], nn.Module]:
    """Pixels of a side -> the network."""

    def build(size: int) -> nn.Module:
        torch.manual_seed(SEED)
        return lively(CifarNet(widths, blocks, projected=projected))

    return build


CIFAR: Mapping[str, Callable[[int], nn.Module]] = {
    "ResNet18 of kuangliu/pytorch-cifar": cifar((64, 128, 256, 512), 2, projected=True),
    "ResNet34-like, 16 to 64 channels": cifar((16, 32, 64), 3, projected=True),
    "resnet20 of akamaster/pytorch_resnet_cifar10": cifar((16, 32, 64), 3, projected=False),
    "resnet56 of akamaster/pytorch_resnet_cifar10": cifar((16, 32, 64), 9, projected=False),
}


class AdaptiveConcatPool2d(nn.Module):
    """fastai's, in layers.py."""

    def __init__(self) -> None:
        super().__init__()
        self.ap, self.mp = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to logits; of a part, its input to its output."""
        return torch.cat([self.mp(x), self.ap(x)], 1)


def classifier(size: int) -> Any:
    """ResNet-18 of torchvision."""
    declare_torchvision_operators()
    import torchvision

    torch.manual_seed(SEED)
    return lively(torchvision.models.resnet18(num_classes=7))


def backbone(size: int) -> Any:
    """The same without its classifier."""
    model = classifier(size)
    model.fc = nn.Identity()
    return model


def learner(size: int) -> nn.Module:
    """What fastai's `vision_learner` makes of it, with `create_head`."""
    head = [AdaptiveConcatPool2d(), nn.Flatten(), nn.BatchNorm1d(2 * FEATURES), nn.Dropout(0.25),
            nn.Linear(2 * FEATURES, 512, bias=False), nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5),
            nn.Linear(512, 7, bias=False)]  # fmt: skip
    return lively(nn.Sequential(nn.Sequential(*list(classifier(size).children())[:-2]), nn.Sequential(*head)))


def saved_learner(model: nn.Module, folder: Path) -> Path:
    """What `Learner.save` writes."""
    return saved(lambda state: {"model": state, "opt": {"hypers": []}}, model, folder)


def saved(wrap: Callable[[State], Any], model: nn.Module, folder: Path) -> Path:
    """What a training script saves."""
    torch.save(wrap(model.state_dict()), folder / "checkpoint.ckpt")
    return folder / "checkpoint.ckpt"


def behind(prefix: str, state: State) -> State:
    """The tensors with a prefix."""
    return {prefix + name: tensor for name, tensor in state.items()}


def projection(prefix: str) -> State:
    """The numbers of a head of two layers."""
    layers = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, 128))
    return behind(prefix, layers.state_dict())


def average(state: State) -> State:
    """Other numbers, as of a moving average."""
    return {name: tensor + 1 for name, tensor in state.items()}


WRAPPED: Mapping[str, Callable[[State], Any]] = {
    "Lightning": lambda state: {"epoch": 3, "state_dict": behind("model.", state), "hyper_parameters": {"lr": 0.1}},
    "DistributedDataParallel": lambda state: {"arch": "resnet18", "state_dict": behind("module.", state)},
    "torch.compile": lambda state: behind("_orig_mod.", state),
    "timm's train.py, with EMA": lambda state: {"state_dict": state, "state_dict_ema": average(state)},
    "AveragedModel": lambda state: behind("module.", state) | {"n_averaged": torch.tensor(3)},
    "Sequential(Dropout, Linear)": lambda state: {name.replace("fc.", "fc.1."): one for name, one in state.items()},
    "Detectron-like backbone and loss": lambda state: behind("backbone.", state) | {"loss.weight": torch.ones(7)},
}
"""What wraps torchvision's ResNet-18 -> what is saved of its state_dict."""

SELF_SUPERVISED: Mapping[str, Callable[[State], Any]] = {
    "MoCo v2": lambda state: {
        "arch": "resnet50",
        "state_dict": behind("module.encoder_q.", state | projection("fc."))
        | behind("module.encoder_k.", average(state) | projection("fc."))
        | {"module.queue": torch.zeros(128, 16)},
    },
    "MoCo v3": lambda state: {
        "state_dict": behind("module.base_encoder.", state | projection("fc."))
        | behind("module.momentum_encoder.", average(state) | projection("fc."))
        | projection("module.predictor.")
    },
    "SimCLR": lambda state: {"state_dict": behind("backbone.", state | projection("fc."))},
    "DINO": lambda state: {
        "student": behind("module.backbone.", state) | projection("module.head.mlp."),
        "teacher": behind("backbone.", average(state)) | projection("head.mlp."),
    },
    "SwAV": lambda state: (
        behind("module.", state)
        | projection("module.projection_head.")
        | {"module.prototypes.weight": torch.zeros(3000, 128)}
    ),
    "Barlow Twins": lambda state: {"model": behind("module.backbone.", state) | projection("module.projector.")},
}
"""Training -> what is saved of the state_dict of its backbone; exported with `--head embedding`."""
