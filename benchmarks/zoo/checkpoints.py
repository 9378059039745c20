"""Checkpoints that people have, by family: a network with random weights, and each form in which it is kept."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import Member, in_keras, in_torch, members

BARE, CONFIGURED = "bare", "with its configuration"
LARGEST = 105
"""Layers of the deepest of timm's networks that are taken: deeper ones have the same parts."""
WIDEST = ("32x16d", "32x32d", "64x4d")
"""How the names of the widest end, which are left out: they have gigabytes, and the same parts as narrower ones."""
HUGGING_FACE: Mapping[str, Mapping[str, Any]] = {
    **in_torch.HUGGING_FACE,
    "bottleneck, stride on the 1x1": {"downsample_in_bottleneck": True},
    "bottleneck, GELU": {"hidden_act": "gelu"},
    "bottleneck, stride in the first stage": {"downsample_in_first_stage": True},
}
"""Name -> fields of its configuration."""
NEVER_BARE = ("bottleneck, GELU", "bottleneck, stride in the first stage")
"""Those that nobody has published: a configuration can ask for them."""


@dataclass(frozen=True)
class Form:
    """How a network is kept."""

    name: str
    """`bare`, or `with its configuration`."""
    save: Callable[[Any, Path], Path]
    """(model, an empty folder) -> what is handed in."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of `sources.load`, beside it."""


@dataclass(frozen=True)
class Kept:
    """A network and its checkpoints."""

    member: Member
    forms: tuple[Form, ...]


def kept() -> Iterator[Kept]:
    """All of them; those whose packages are missing are left out."""
    for member in members():
        if member.group == "timm" and _layers(member.name) <= LARGEST and not member.name.endswith(WIDEST):
            yield Kept(member, (Form(BARE, state_dict), Form(CONFIGURED, functools.partial(timm_folder, member.name))))
        if member.group == "torchvision":
            built = Form(CONFIGURED, state_dict, {"code": f"torchvision:{member.name}"})
            yield Kept(member, (Form(BARE, state_dict), built))
    if importlib.util.find_spec("transformers") is not None:
        for name, options in HUGGING_FACE.items():
            forms = (Form(BARE, state_dict),) if name not in NEVER_BARE else ()
            member = Member(
                "Hugging Face", name, functools.partial(in_torch.hugging_face, {"num_labels": 7, **options})
            )
            yield Kept(member, (*forms, Form(CONFIGURED, pretrained)))
    if importlib.util.find_spec("keras") is not None:
        for name in in_keras.RESNETS:
            logits = functools.partial(in_keras.application, name, classifier_activation=None)  # it has no softmax
            yield _in_keras("keras.applications", name, logits)
    if importlib.util.find_spec("keras_hub") is not None:
        for block in ("basic_block", "bottleneck_block"):
            yield _in_keras("keras-hub", f"ResNet, {block}", functools.partial(keras_hub, block))
    yield from _others()


def _layers(name: str) -> int:
    """That a name of timm's tells: `seresnext101d_32x8d` has 101."""
    digits = "".join(one if one.isdigit() else " " for one in name.replace("test_", "")).split()
    return int(digits[0]) if digits else 0


def _in_keras(group: str, name: str, build: Callable[[int], Any]) -> Kept:
    return Kept(Member(group, name, build), (Form(BARE, keras_weights), Form(CONFIGURED, keras_file)))


def _others() -> Iterator[Kept]:
    """Networks without a package of their own, and what wrappers make of the names."""
    from zoo import resnets_of_papers as papers

    for name, build in papers.CIFAR.items():
        yield Kept(Member("CIFAR", name, build, only=32), (Form(BARE, state_dict),))
    yield Kept(Member("fastai", "vision_learner(resnet18)", papers.learner), (Form(BARE, papers.saved_learner),))
    for name, wrap in papers.WRAPPED.items():
        yield Kept(Member("wrapped", name, papers.classifier), (Form(BARE, functools.partial(papers.saved, wrap)),))
    for name, wrap in papers.SELF_SUPERVISED.items():
        form = Form(BARE, functools.partial(papers.saved, wrap))
        yield Kept(Member("self-supervised", name, papers.backbone), (form,))


def keras_hub(block: str, size: int) -> Any:
    """keras-hub's ResNet with its classifier."""
    import keras
    from keras_hub.models import ResNetBackbone, ResNetImageClassifier

    keras.utils.set_random_seed(in_keras.SEED)
    backbone = ResNetBackbone(
        [64], [7], [64, 128, 256, 512], [2, 2, 2, 2], [1, 2, 2, 2], block, image_shape=(size, size, 3)
    )
    return in_keras.lively(ResNetImageClassifier(backbone=backbone, num_classes=7))


def state_dict(model: Any, folder: Path) -> Path:
    """What `torch.save(model.state_dict(), ...)` writes."""
    import torch

    torch.save(model.state_dict(), folder / "model.pth")
    return folder / "model.pth"


def timm_folder(name: str, model: Any, folder: Path) -> Path:
    """What `timm.models.push_to_hf_hub` puts into a folder."""
    from safetensors.torch import save_file

    save_file(model.state_dict(), folder / "model.safetensors")
    config = {"architecture": name, "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 224, 224]}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def pretrained(model: Any, folder: Path) -> Path:
    """What `save_pretrained` of Hugging Face's package writes."""
    model.save_pretrained(folder)
    return folder


def keras_weights(model: Any, folder: Path) -> Path:
    """What `save_weights` writes."""
    model.save_weights(folder / "model.weights.h5")
    return folder / "model.weights.h5"


def keras_file(model: Any, folder: Path) -> Path:
    """What `save` writes."""
    model.save(folder / "model.keras")
    return folder / "model.keras"
