"""The options of timm's training script are read as timm reads them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from resnet_export.sources.configurations import TIMM, of_timm
from resnet_export.weights.training import read
from tests.corpus_networks import with_torchvision

OWN = {
    "input_size": (3, 224, 224), "test_input_size": (3, 288, 288), "crop_pct": 0.95, "test_crop_pct": 1.0,
    "interpolation": "bicubic", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "crop_mode": "center",
}  # fmt: skip
"""As a `pretrained_cfg` has it."""
NOTHING = {"img_size": None, "input_size": None, "crop_pct": None, "mean": None, "std": None, "interpolation": ""}
"""As the script's parser leaves them."""
GIVEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "all": {
        "img_size": 160, "crop_pct": 1.0, "interpolation": "bilinear", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]
    },
    "size": {"input_size": [3, 192, 192], "img_size": 160},
    "one number for all channels": {"mean": [0.5], "std": [0.25]},
    "another number of channels": {"in_chans": 1, "mean": [0.5], "std": [0.25]},
    "squashed": {"crop_mode": "squash", "crop_pct": 0.9},
}  # fmt: skip


SIZED = ("all", "size")
"""Those whose size holds in the training and in the test."""


@pytest.mark.parametrize(("name", "tested"), [(name, one) for name in GIVEN for one in {False, name not in SIZED}])
@pytest.mark.parametrize("own", [OWN, {}], ids=["pretrained_cfg", "no pretrained_cfg"])
def test_as_timm_resolves_them(name: str, own: dict[str, Any], tested: bool) -> None:
    with_torchvision()
    data = pytest.importorskip("timm.data", reason="timm is not installed: pip install --no-deps timm")
    args = Namespace(model="resnet50d", lr=0.1, **{**NOTHING, **GIVEN[name]})
    wanted = data.resolve_data_config(vars(args), pretrained_cfg=own, use_test_size=tested)
    named, found = read({"arch": "resnet50d", "args": args})
    assert named == "resnet50d"
    assert of_timm({**own, **found}, wanted["input_size"][1]) == of_timm(wanted)
    if not tested:
        size = {"input_size": (3, 224, 224)}
        assert {**TIMM, **size, **own, **found}.items() >= {**wanted, "input_size": found.get("input_size") or
                                                            size["input_size"]}.items()  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"img_size": "160", "input_size": 224, "mean": "0.5", "std": [None], "crop_pct": "1", "interpolation": 3},
        {"img_size": -1, "in_chans": "grey", "mean": [], "crop_pct": 0.0, "crop_mode": None},
    ],
)
def test_what_timm_would_not_take_is_left_out(options: dict[str, Any]) -> None:
    assert read({"arch": "resnet50d", "args": options}) == ("resnet50d", {})


@pytest.mark.parametrize("name", ["resnet", "densenet", "My network 2", 50, None])
def test_what_is_no_name_of_a_model(name: object) -> None:
    """Without args, timm writes the name of the class."""
    assert read({"arch": name})[0] is None


def test_the_args_of_other_scripts_are_not_read() -> None:
    """torchvision's has `interpolation` too, and says nothing of `arch`."""
    assert read({"args": Namespace(model="resnet50", interpolation="bilinear")}) == (None, {})
    assert read([1]) == (None, {})
