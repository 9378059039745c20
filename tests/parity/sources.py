"""A tiny network with three outputs, what users make of it, and files that hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 16
"""Pixels of a side of its images."""
ORT = ["ort:cpu"]


class Branches(nn.Module):
    """Logits, auxiliary logits from a layer in between, as in GoogLeNet, and features."""

    def __init__(self, give: Callable[..., Any] = lambda logits, aux, features: (logits, aux, features)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, 2, 1)
        self.aux = nn.Linear(8, 5)
        self.fc = nn.Linear(12, 10)
        self.give = give
        nn.init.normal_(self.bn.running_mean)
        nn.init.uniform_(self.bn.running_var, 0.5, 2)

    def forward(self, images: torch.Tensor) -> Any:
        first = torch.relu(self.bn(self.conv(images)))
        features = torch.relu(self.conv2(first)).mean((2, 3))
        return self.give(self.fc(features), self.aux(first.mean((2, 3))), features)


def branches(give: Callable[..., Any] | None = None, seed: int = 0) -> Branches:
    """The network, always with the same numbers for the same seed."""
    torch.manual_seed(seed)
    return (Branches() if give is None else Branches(give)).eval()


def as_dict(logits: torch.Tensor, aux: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
    """Its outputs under their names."""
    return {"out": logits, "aux": aux, "features": features}


def foreign(path: Path, target: Path) -> Path:
    """A copy of a file that says nothing of itself."""
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, target)
    return target


def scaled(path: Path, target: Path, name: str, factor: float) -> Path:
    """A copy of a file one of whose tensors is multiplied."""
    model = onnx.load(path)
    (tensor,) = (one for one in model.graph.initializer if one.name == name)
    array = onnx.numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, target)
    return target
