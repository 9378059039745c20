"""Variants of the family that their tensors show, against the live models of timm, with numbers as of a training."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from resnet_export.assumptions import about_network
from resnet_export.errors import CheckpointError
from resnet_export.network.evaluation import outputs_of
from resnet_export.sources import load
from resnet_export.spec import ResNetSpec
from resnet_export.weights.designs import ANTI_ALIASED, design_of, faults_of, title_of, twins_of
from tests.corpus_networks import lively_torch, with_torchvision

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.spec import StrideOn

VARIANTS = {
    "resnet18d": "ResNet-18-D with a deep stem",
    "resnet26t": "ResNet-26-D with a deep stem of 2, 2, 2, 2 blocks",
    "resnext50_32x4d": "ResNeXt-50 32x4d",
    "wide_resnet50_2": "wide ResNet-50",
    "seresnet18": "SE-ResNet-18",
    "seresnext26d_32x4d": "SE-ResNeXt-26 32x4d-D with a deep stem of 2, 2, 2, 2 blocks",
    "ecaresnet26t": "ECA-ResNet-26-D with a deep stem of 2, 2, 2, 2 blocks",
    "ecaresnet50d": "ECA-ResNet-50-D with a deep stem",
    "resnetrs50": "SE-ResNet-50-D with a deep stem",
}
"""Name in timm -> what it is called here."""
MIXED = ("wide_resnet50_2", "seresnext26d_32x4d", "ecaresnet50d", "resnetrs50")
"""Those with no trait of their own: each is in another one, and the wide bottleneck in ResNeXt-50."""


@pytest.fixture(autouse=True)
def _torchvision() -> None:
    with_torchvision()


def lively(name: str, **options: Any) -> torch.nn.Module:
    """A model of timm in inference mode, its batch norms as a training leaves them."""
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install --no-deps timm")
    torch.manual_seed(0)
    return lively_torch(timm.create_model(name, pretrained=False, num_classes=7, **options))


def run(model: torch.nn.Module, images: NDArray[np.float64]) -> NDArray[np.float64]:
    with torch.no_grad():
        found: NDArray[np.float64] = model.double()(torch.from_numpy(images)).numpy()
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in MIXED else []) for name in VARIANTS]
)
def test_a_bare_checkpoint_is_the_model(name: str, tmp_path: Path) -> None:
    model = lively(name)
    torch.save(model.state_dict(), tmp_path / "m.pth")
    trained = load(tmp_path / "m.pth", image_size=64)
    if trained.spec is None:
        assert trained.title == VARIANTS[name]
    images = np.random.default_rng(0).standard_normal((1, 3, 64, 64))
    (found,) = outputs_of(trained.network, trained.numbers, images, [trained.network.output])
    expected = run(model, images)
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


def test_faults_name_the_tensors() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in lively("resnet18d").state_dict().items() if tensor.ndim}
    design = design_of(shapes)
    assert design is not None
    assert faults_of(design.network.parameters, shapes) == []
    del shapes["layer1.0.bn1.bias"]
    shapes["extra"] = (1,)
    assert faults_of(design.network.parameters, shapes) == ["1 missing ('layer1.0.bn1.bias')", "1 surplus ('extra')"]
    assert title_of(design) == VARIANTS["resnet18d"]


@pytest.mark.parametrize("name", [name for names in ANTI_ALIASED.values() for name in names])
def test_the_anti_aliased_twins(name: str) -> None:
    """Every network of the table has the tensors of its title, and timm has it."""
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install --no-deps timm")
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False)
    shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items() if tensor.ndim}
    design = design_of(shapes)
    assert design is not None
    assert faults_of(design.network.parameters, shapes) == []
    assert name in twins_of(design)


def test_no_other_network_of_timm_is_anti_aliased() -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install --no-deps timm")
    known = {name for names in ANTI_ALIASED.values() for name in names}
    assert {name for name in timm.list_models(module="resnet") if re.search(r"netaa|next?aa|blur", name)} == known


@pytest.mark.long
def test_the_twins_stand_in_the_line_of_assumptions(tmp_path: Path) -> None:
    """Each with the option that chooses it; the option works."""
    model = lively("resnetblur18")
    torch.save(model.state_dict(), tmp_path / "m.pth")
    said = {one.name: one for one in load(tmp_path / "m.pth").assumptions}
    assert str(said["anti-aliasing"]) == "no anti-aliasing (--model timm:resnetblur18)"
    assert said["stride"].option is None
    trained = load(tmp_path / "m.pth", code="timm:resnetblur18", image_size=64)
    images = np.random.default_rng(0).standard_normal((1, 3, 64, 64))
    (found,) = outputs_of(trained.network, trained.numbers, images, [trained.network.output])
    expected = run(model, images)
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("stride_on", "said"),
    [
        ("3x3", "strides on the 3x3 convolutions as in v1.5 (v1: --stride-on 1x1)"),
        ("1x1", "strides on the 1x1 convolutions as in v1 (v1.5: --stride-on 3x3)"),
    ],
)
def test_the_place_of_the_stride_names_the_other_one(stride_on: StrideOn, said: str) -> None:
    design = ResNetSpec(50, width=8, stride_on=stride_on).design
    assert said in map(str, about_network(design, {}))
    assert said not in map(str, about_network(design, {"stride_on"}))


@pytest.mark.parametrize("claim", [{"num_classes": 5}, {"depth": 50}, {"stem": "cifar"}])
def test_what_is_asked_for_has_to_be_there(claim: dict[str, Any], tmp_path: Path) -> None:
    torch.save(lively("resnet18d").state_dict(), tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"was asked for, and m\.pth is ResNet-18-D"):
        load(tmp_path / "m.pth", **claim)


def test_what_a_variant_lacks_is_named(tmp_path: Path) -> None:
    state = lively("resnet18d").state_dict()
    del state["fc.bias"]
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"m\.pth is ResNet-18-D with a deep stem, but 1 missing \('fc\.bias'\)"):
        load(tmp_path / "m.pth")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.fill_(-1.0), "negative variance"),
        (lambda one: one.fill_(torch.nan), "NaN or infinite"),
        (lambda one: one.to(torch.int8), "not a floating one"),
    ],
)
def test_the_numbers_of_a_variant_are_checked_too(change: Any, said: str, tmp_path: Path) -> None:
    state = lively("resnet18d").state_dict()
    state["bn1.running_var"] = change(state["bn1.running_var"])
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=said):
        load(tmp_path / "m.pth")
