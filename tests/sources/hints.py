"""What tests of hints share: how a hint is provoked, and checkpoints of tiny networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from resnet_export.errors import ResNetExportError
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Step = Callable[[], Any]
    Case = Callable[[Path], tuple[Step, Step]]

SPEC = ResNetSpec(18, width=8, num_classes=10, image_size=32, stem="cifar")
DEEP = ResNetSpec(50, width=4, num_classes=5, image_size=32)
CASES: dict[str, Case] = {}
"""Words of a hint -> what gives, for an empty folder, (what provokes it, what it says)."""


def case(says: str) -> Callable[[Case], Case]:
    """Adds a case."""

    def add(made: Case) -> Case:
        CASES[says] = made
        return made

    return add


def hint_of(provoke: Step) -> str:
    with pytest.raises(ResNetExportError) as caught:
        provoke()
    return str(caught.value.hint)


def weights(spec: ResNetSpec = SPEC) -> Weights:
    return Weights(spec, trained_like(spec, 0))


def saved(path: Path, spec: ResNetSpec = SPEC) -> Path:
    weights(spec).save(path)
    return path


def state(spec: ResNetSpec = SPEC) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in weights(spec).items()}


def stored(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def builder(folder: Path, spec: ResNetSpec = SPEC) -> str:
    """The user's own code that gives a model."""
    (folder / "mine.py").write_text(
        "from resnet_export.models.torch import ResNet\nfrom resnet_export.spec import ResNetSpec\n\n"
        f"def build():\n    return ResNet(ResNetSpec(**{spec.as_dict()!r})).eval()\n"
    )
    return f"{folder / 'mine.py'}:build"
