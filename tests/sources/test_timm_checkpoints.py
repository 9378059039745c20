"""Checkpoints of timm's training script: how its pictures were prepared, and what it calls its network."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_export.assumptions import about_pictures
from resnet_export.errors import CheckpointError
from resnet_export.images import IMAGENET_MEAN, Preprocessing
from resnet_export.sources import load
from resnet_export.sources.preparation import preparation_of

from .hints import small, state, stored
from .test_packages_and_folders import of_timm

HALVES = (0.5,) * 3
GIVEN = {"img_size": 160, "mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 1.0, "interpolation": "bilinear"}
EXPECTED = Preprocessing(160, 160, HALVES, HALVES, "bilinear")


def checkpoint(folder: Path, tensors: dict[str, torch.Tensor], arch: str = "resnet18", **args: Any) -> Path:
    """As the script writes it, with an object of its own among the args."""
    options = Namespace(model=arch, data_dir=Path("/data"), interpolation="", crop_pct=None)
    vars(options).update(args)
    content = {"epoch": 29, "arch": arch, "state_dict": tensors, "optimizer": {}, "version": 2, "args": options}
    return stored(folder / "best.pth.tar", content)


def builder(folder: Path, own: str) -> str:
    (folder / "t.py").write_text(
        "from tests.sources.hints import small\n\ndef build():\n    model = small(5)\n"
        f"    model.pretrained_cfg = {own}\n    return model\n"
    )
    return f"{folder / 't.py'}:build"


OWN = (
    "{'input_size': (3, 64, 64), 'test_input_size': (3, 96, 96), 'crop_pct': 0.95, 'test_crop_pct': 1.0, "
    "'interpolation': 'bicubic', 'mean': (0.4,) * 3, 'std': (0.2,) * 3}"
)


def test_args_win_over_the_configuration_of_the_model(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, small(5).state_dict(), **GIVEN)
    trained = load(path, code=builder(tmp_path, OWN))
    found, origin, known = preparation_of(trained)
    assert trained.network.image == (3, 160, 160)
    assert (found, about_pictures(found, known)) == (EXPECTED, ())
    assert origin == "the args in best.pth.tar, and timm's pretrained_cfg"


def test_one_of_them_is_given(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, small(5).state_dict(), crop_pct=0.5)
    found, origin, _ = preparation_of(load(path, code=builder(tmp_path, OWN)))
    assert found == Preprocessing(128, 64, (0.4,) * 3, (0.2,) * 3, "bicubic")
    assert origin == (
        "the args in best.pth.tar, and timm's pretrained_cfg (timm tests its own weights at 96: --image-size 96)"
    )


def test_none_of_them_is_given(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, small(5).state_dict())
    origin = preparation_of(load(path, code=builder(tmp_path, OWN), image_size=96))[1]
    assert origin == "timm's pretrained_cfg"


def test_a_model_without_a_configuration(tmp_path: Path) -> None:
    """What the args say is known, and the rest is assumed."""
    path = checkpoint(tmp_path, small(5).state_dict(), mean=[0.5], std=[0.5])
    trained = load(path, code=builder(tmp_path, "None"), image_size=160)
    found, origin, known = preparation_of(trained)
    assert (found.mean, found.std, origin) == (HALVES, HALVES, "the args in best.pth.tar")
    assert [one.name for one in about_pictures(found, known)] == ["resize", "interpolation", "aspect"]


def test_a_named_model(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, of_timm("test_resnet", num_classes=5).state_dict(), "test_resnet", **GIVEN)
    trained = load(path, code="timm:test_resnet")
    assert preparation_of(trained)[:2] == (EXPECTED, "the args in best.pth.tar, and timm's pretrained_cfg")


def test_the_checkpoint_alone(tmp_path: Path) -> None:
    trained = load(checkpoint(tmp_path, state(), **GIVEN))
    found, origin, known = preparation_of(trained)
    assert trained.network.image == (3, 160, 160)
    assert (found, origin, about_pictures(found, known)) == (EXPECTED, "the args in best.pth.tar", ())
    assert "image size" not in [one.name for one in trained.assumptions]
    assert trained.origin == (
        "best.pth.tar (it calls itself resnet18; timm:resnet18 --weights FILE knows timm's preparation too)"
    )


def test_what_the_args_of_a_checkpoint_alone_leave_open_is_assumed(tmp_path: Path) -> None:
    trained = load(checkpoint(tmp_path, state(), interpolation="bicubic"), image_size=160)
    found, _, known = preparation_of(trained)
    assert (found.interpolation, found.mean) == ("bicubic", IMAGENET_MEAN)
    assert [one.name for one in about_pictures(found, known)] == ["resize", "aspect", "mean", "std"]


def test_another_model_than_the_checkpoint_says(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, of_timm("resnet18d", num_classes=5).state_dict(), "resnet18d")
    with pytest.raises(CheckpointError, match=r"surplus .*\. The checkpoint calls itself resnet18d\."):
        load(path, code="timm:resnet18")


@pytest.mark.parametrize("ema", [False, True])
def test_which_of_two_state_dicts_went_into_the_model(ema: bool, tmp_path: Path) -> None:
    tensors = small(5).state_dict()
    path = stored(tmp_path / "ema.pth", {"state_dict": tensors, "state_dict_ema": tensors})
    code = builder(tmp_path, "None")
    said = (
        "of its state_dicts 'state_dict_ema', a moving average, was taken"
        if ema
        else "of its state_dicts 'state_dict' was taken, and not the moving average 'state_dict_ema' (--ema)"
    )
    origin = load(path, code=code, image_size=16, ema=ema).origin
    assert origin == f"the model that {code} gives, with ema.pth; {said}"


@pytest.mark.parametrize("names", [5, 2])
def test_class_names_count_where_they_fit_the_model(names: int, tmp_path: Path) -> None:
    content = {"state_dict": small(5).state_dict(), "classes": list("abcde")[:names]}
    trained = load(stored(tmp_path / "best.pth", content), code=builder(tmp_path, "None"), image_size=16)
    assert trained.labels == (tuple("abcde") if names == 5 else None)
