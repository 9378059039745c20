"""What a training says of its network stays with the numbers, in every form that has a place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export import ResNetSpec, Weights
from resnet_export.errors import CheckpointError
from resnet_export.images import Preprocessing
from resnet_export.models import keras
from resnet_export.sources import load
from resnet_export.sources.preparation import preparation_of
from resnet_export.weights import description
from resnet_export.weights.description import Description
from resnet_export.weights.formats import safetensors

if TYPE_CHECKING:
    from pathlib import Path

SPEC = ResNetSpec(18, num_classes=3, in_channels=1, image_size=28, width=4, stem="cifar", eps=1e-3)
SAID = Description(SPEC, Preprocessing(28, 28, (0.25,), (0.5,), "bicubic"), ("shirt", "coat", "bag"))


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth", "net.keras"])
def test_nothing_is_assumed_of_what_it_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    weights = Weights.initial(SPEC, seed=3)
    if name.endswith(".keras"):
        keras.save(weights, path, SAID)
    else:
        weights.save(path, SAID)
    trained = load(path)
    assert (trained.spec, trained.assumptions, trained.labels) == (SPEC, (), SAID.labels)
    preprocessing, _, known = preparation_of(trained)
    assert preprocessing == SAID.preprocessing
    assert known >= {"mean", "std", "resize", "interpolation"}
    assert all(np.array_equal(trained.numbers[key], weights[key]) for key in weights)


@pytest.mark.long
@pytest.mark.parametrize("name", ["net.safetensors", "net.pth", "net.keras"])
def test_a_model_that_code_makes_gets_what_its_checkpoint_says(name: str, tmp_path: Path) -> None:
    """With `--model FILE:build --weights CHECKPOINT`, classes and preparation are the checkpoint's as without it."""
    weights = Weights.initial(SPEC, seed=3)
    framework = "keras" if name.endswith(".keras") else "torch"
    if framework == "keras":
        keras.save(weights, tmp_path / name, SAID)
    else:
        weights.save(tmp_path / name, SAID)
    (tmp_path / "mine.py").write_text(
        f"from resnet_export import ResNetSpec\nfrom resnet_export.models import {framework}\n\n"
        f"def build():\n    return {framework}.build({SPEC!r})\n"
    )
    trained = load(tmp_path / name, code=f"{tmp_path / 'mine.py'}:build")
    assert trained.model is not None
    assert trained.labels == SAID.labels
    assert preparation_of(trained)[0] == SAID.preprocessing
    assert all(np.array_equal(trained.numbers[key], weights[key]) for key in weights)


def test_a_damaged_one_is_refused_and_the_hint_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.safetensors"
    weights = Weights.initial(SPEC, seed=3)
    with monkeypatch.context() as patched:
        patched.setattr(description, "encode", lambda said: '{"specification": {"depth": 19}}')
        safetensors.write(path, weights, SAID)
    with pytest.raises(CheckpointError, match=r"resnet_export in net\.safetensors") as caught:
        load(path)
    assert caught.value.hint == "Write the checkpoint again, with or without that entry."
    weights.save(path)
    found: Any = load(path)
    assert found.spec.depth == 18
