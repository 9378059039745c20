"""What checkpoints have behind the pooled features: fastai's head, and the projections of self-supervised training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from resnet_export import export, verify
from resnet_export.errors import CheckpointError
from resnet_export.network.evaluation import outputs_of
from resnet_export.sources import load
from tests.corpus_networks import lively_torch, with_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.sources import Trained

CLASSES, FEATURES, SIZE = 5, 512, 32
State = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _torchvision() -> None:
    with_torchvision()


class AdaptiveConcatPool2d(nn.Module):
    """As in fastai's layers.py."""

    def __init__(self) -> None:
        super().__init__()
        self.ap, self.mp = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.mp(x), self.ap(x)], 1)


def resnet(head: nn.Module | None = None) -> nn.Module:
    """torchvision's, with a block in each stage."""
    from torchvision.models.resnet import BasicBlock, ResNet

    torch.manual_seed(0)
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)
    if head is not None:
        model.fc = head
    return lively_torch(model)


def learner(widths: tuple[int, ...] = (512,), dropout: float = 0.5, bias: bool = False) -> nn.Sequential:
    """What fastai's vision_learner makes: `create_body`, and `create_head` as in fastai's vision/learner.py."""
    body = nn.Sequential(*list(resnet().children())[:-2])
    features = (2 * FEATURES, *widths, CLASSES)
    layers: list[nn.Module] = [AdaptiveConcatPool2d(), nn.Flatten()]
    for given, taken in zip(features[1:], features, strict=False):
        layers += [nn.BatchNorm1d(taken), *([nn.Dropout(dropout)] if dropout else []), nn.Linear(taken, given, bias)]
        layers += [nn.ReLU()] if given is not features[-1] else []
    model = nn.Sequential(body, nn.Sequential(*layers)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean)
    return model


def assert_equal(trained: Trained, model: nn.Module) -> None:
    images = np.random.default_rng(0).standard_normal((2, *trained.network.image))
    (found,) = outputs_of(trained.network, trained.numbers, images, [trained.network.output])
    with torch.no_grad():
        expected: NDArray[np.float64] = model.double()(torch.from_numpy(images)).numpy()
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


class TestFastai:
    """`Learner.save`, and the state_dict of its model."""

    @pytest.mark.parametrize(
        "options",
        [{}, {"dropout": 0.0}, {"widths": (64, 32)}, {"widths": ()}, {"bias": True}],
        ids=["as it is", "ps=0", "lin_ftrs=[64, 32]", "lin_ftrs=[]", "fastai 1"],
    )
    def test_it_is_the_network(self, options: Mapping[str, Any], tmp_path: Path) -> None:
        model = learner(**options)
        torch.save({"model": model.state_dict(), "opt": {"hypers": []}}, tmp_path / "stage-1.pth")
        trained = load(tmp_path / "stage-1.pth", image_size=SIZE)
        assert trained.title.endswith(", fastai's head")
        assert "its names are those of fastai" in trained.origin
        assert_equal(trained, model)

    def test_a_body_of_timm(self, tmp_path: Path) -> None:
        state = learner().state_dict()
        body = resnet().state_dict()
        renamed = {f"0.model.{name}": tensor for name, tensor in body.items() if not name.startswith("fc")}
        renamed |= {name: tensor for name, tensor in state.items() if name.startswith("1.")}
        torch.save(renamed, tmp_path / "m.pth")
        assert_equal(load(tmp_path / "m.pth", image_size=SIZE), learner())

    @pytest.mark.parametrize("head", ["logits", "embedding"])
    def test_it_is_exported(self, head: Any, tmp_path: Path) -> None:
        torch.save(learner().state_dict(), tmp_path / "m.pth")
        report = export(tmp_path / "m.pth", tmp_path / "m.onnx", image_size=SIZE, head=head)
        assert report.passed

    @pytest.mark.parametrize("change", ["order", "activation", "pool"])
    def test_another_head_is_refused_by_name(self, change: str, tmp_path: Path) -> None:
        """With `lin_first`, with two layers between the dense ones, and behind the average alone."""
        state = learner().state_dict()
        last = {"order": "1.9", "activation": "1.10", "pool": "1.8"}[change]
        state = {name.replace("1.8", last) if name.startswith("1.8") else name: one for name, one in state.items()}
        if change == "order":
            state = {name.replace("1.6.", "1.7."): one for name, one in state.items()}
        if change == "pool":
            state = {
                name: one[..., :FEATURES] if one.shape[-1:] == (2 * FEATURES,) else one for name, one in state.items()
            }
        torch.save(state, tmp_path / "m.pth")
        with pytest.raises(CheckpointError, match=r"head\.2\.weight") as caught:
            load(tmp_path / "m.pth")
        assert "--model module:callable" in str(caught.value.hint)


def projection(name: str = "fc") -> State:
    """The two layers of MoCo v2, SimCLR and their kin."""
    layers = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, 128))
    return {f"{name}.{key}": tensor for key, tensor in layers.state_dict().items()}


def encoder(prefix: str = "", head: State | None = None, seed: int = 0) -> State:
    torch.manual_seed(seed)
    state = {name: one for name, one in resnet().state_dict().items() if not name.startswith("fc.")} | (head or {})
    return {prefix + name: tensor for name, tensor in state.items()}


def moco() -> State:
    """facebookresearch/moco: DistributedDataParallel around both encoders and the queue."""
    momentum = {name: tensor + 1 for name, tensor in encoder("encoder_k.", projection()).items()}
    rest = {"queue": torch.zeros(128, 16), "queue_ptr": torch.zeros(1, dtype=torch.int64)}
    return {
        f"module.{name}": one for name, one in ({**encoder("encoder_q.", projection()), **momentum, **rest}).items()
    }


def moco_v3() -> State:
    """facebookresearch/moco-v3: the average stands first in some forks."""
    momentum = {name: tensor + 1 for name, tensor in encoder("momentum_encoder.", projection()).items()}
    parts = momentum | encoder("base_encoder.", projection()) | projection("predictor")
    return {f"module.{name}": tensor for name, tensor in parts.items()}


def moco_v1() -> State:
    """The first version projects by one layer, whose names are those of a classifier."""
    single = {name.replace("fc.2.", "fc."): one for name, one in moco().items() if ".fc.0." not in name}
    assert single["module.encoder_q.fc.weight"].shape == (128, FEATURES)
    return single


CHECKPOINTS: Mapping[str, Any] = {
    "MoCo v1": lambda: {"epoch": 200, "arch": "resnet50", "state_dict": moco_v1()},
    "MoCo v2": lambda: {"epoch": 200, "arch": "resnet50", "state_dict": moco(), "optimizer": {}},
    "MoCo v3": lambda: {"epoch": 300, "state_dict": moco_v3()},
    "SimCLR": lambda: {"epoch": 100, "arch": "resnet18", "state_dict": encoder("backbone.", projection())},
    "SimCLR, Spijkervet's": lambda: encoder("encoder.") | projection("projector"),
    "DINO": lambda: {
        "student": {f"module.{name}": one for name, one in (encoder("backbone.") | projection("head.mlp")).items()},
        "teacher": {name: one + 1 for name, one in (encoder("backbone.") | projection("head.mlp")).items()},
        "epoch": 100,
    },
    "DINO's backbone": encoder,
    "SwAV": lambda: (
        {f"module.{name}": one for name, one in (encoder() | projection("projection_head")).items()}
        | {"module.prototypes.weight": torch.zeros(3000, 128)}
    ),
    "BYOL": lambda: (
        encoder("online_encoder.net.")
        | {name: one + 1 for name, one in encoder("target_encoder.net.").items()}
        | projection("online_predictor.net")
    ),
    "Barlow Twins": lambda: {"model": encoder("module.backbone.") | projection("module.projector")},
}
"""Who wrote it -> what torch.save was given."""


class TestProjections:
    """Checkpoints of self-supervised training: the features before the head are the network."""

    @pytest.mark.long
    @pytest.mark.parametrize("name", CHECKPOINTS)
    def test_the_features_are_exported(self, name: str, tmp_path: Path) -> None:
        torch.save(CHECKPOINTS[name](), tmp_path / "m.pth")
        assert_equal(load(tmp_path / "m.pth", image_size=SIZE), resnet(nn.Identity()))
        with pytest.raises(CheckpointError, match=r"has no classifier|has a head of several layers") as caught:
            export(tmp_path / "m.pth", tmp_path / "m.onnx", image_size=SIZE)
        assert str(caught.value.hint).startswith("Give --head embedding")
        report = export(tmp_path / "m.pth", tmp_path / "m.onnx", image_size=SIZE, head="embedding")
        assert report.passed

    def test_what_was_left_out_is_said(self, tmp_path: Path) -> None:
        torch.save(CHECKPOINTS["MoCo v2"](), tmp_path / "m.pth")
        origin = load(tmp_path / "m.pth").origin
        assert "its names stand behind 'encoder_q.'" in origin
        assert "'module.encoder_k.conv1.weight'" in origin or "'encoder_k.conv1.weight'" in origin

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("DINO", "'teacher', a moving average"),
            ("MoCo v1", "'encoder_k.'"),
            ("MoCo v2", "'encoder_k.'"),
        ],
    )
    def test_the_average_is_there_for_the_asking(self, name: str, said: str, tmp_path: Path) -> None:
        torch.save(CHECKPOINTS[name](), tmp_path / "m.pth")
        trained = load(tmp_path / "m.pth", ema=True)
        assert said in trained.origin
        assert np.array_equal(trained.numbers["conv1.weight"], encoder()["conv1.weight"].numpy() + 1)

    def test_a_classifier_of_several_layers(self, tmp_path: Path) -> None:
        torch.save(encoder(head=projection()), tmp_path / "m.pth")
        with pytest.raises(CheckpointError, match=r"a head of several layers \('fc.0.weight'") as caught:
            export(tmp_path / "m.pth", tmp_path / "m.onnx", image_size=SIZE)
        assert "--model module:callable --weights FILE" in str(caught.value.hint)

    @pytest.mark.long
    def test_verify_against_such_a_checkpoint(self, tmp_path: Path) -> None:
        """A file of the features passes; one of a classifier is another network."""
        torch.save(encoder(head=projection()), tmp_path / "m.pth")
        export(tmp_path / "m.pth", tmp_path / "m.onnx", image_size=SIZE, head="embedding", verify=False)
        assert verify(tmp_path / "m.onnx", weights=tmp_path / "m.pth", runtimes=["ort:cpu"]).passed
        export(resnet(), tmp_path / "c.onnx", image_size=SIZE, verify=False)
        found = verify(tmp_path / "c.onnx", weights=tmp_path / "m.pth", runtimes=["ort:cpu"])
        assert not found.passed
