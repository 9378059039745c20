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
    return str(_error_of(provoke).hint)


def message_of(provoke: Step) -> str:
    return _error_of(provoke).message


def _error_of(provoke: Step) -> ResNetExportError:
    with pytest.raises(ResNetExportError) as caught:
        provoke()
    return caught.value


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


def small(classes: int) -> torch.nn.Module:
    """A network that is traced in no time."""
    layers = (torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, classes))
    return torch.nn.Sequential(*layers).eval()


def small_builder(folder: Path, classes: int) -> str:
    """The user's own code that gives it."""
    place = folder / f"of_{classes}.py"
    place.write_text(f"from tests.sources.hints import small\n\ndef build():\n    return small({classes})\n")
    return f"{place}:build"
