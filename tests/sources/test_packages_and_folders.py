"""Checkpoints beside what says which network they are of: a model's name, or a configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resnet_export.errors import CheckpointError, UsageError
from resnet_export.network.evaluation import outputs_of
from resnet_export.sources import Trained, load
from tests.corpus_networks import lively_torch, with_torchvision

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _torchvision() -> None:
    with_torchvision()


def of_timm(name: str, **options: Any) -> torch.nn.Module:
    with_torchvision()
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install --no-deps timm")
    torch.manual_seed(0)
    return lively_torch(timm.create_model(name, pretrained=False, **options))


def assert_same(trained: Trained, model: torch.nn.Module) -> None:
    images = np.random.default_rng(0).standard_normal((1, *trained.network.image))
    with torch.no_grad():
        expected = model.double()(torch.from_numpy(images)).numpy()
    (found,) = outputs_of(trained.network, trained.numbers, images, [trained.network.output])
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("name", [pytest.param("resnetaa50", marks=pytest.mark.long), "resnetblur18", "resnet18"])
def test_a_model_of_timm_with_a_checkpoint(name: str, tmp_path: Path) -> None:
    """Anti-aliasing is nowhere in the tensors; classes and channels are."""
    model = of_timm(name, num_classes=5, in_chans=1)
    torch.save(
        {"state_dict": {f"model.{key}": value for key, value in model.state_dict().items()}}, tmp_path / "m.ckpt"
    )
    trained = load(tmp_path / "m.ckpt", code=f"timm:{name}", image_size=64)
    assert trained.origin == f"timm:{name}, with m.ckpt"
    assert trained.network.classes == 5
    assert_same(trained, model)


@pytest.mark.long
def test_a_model_of_torchvision_with_a_checkpoint(tmp_path: Path) -> None:
    import torchvision

    model = lively_torch(torchvision.models.resnet18(num_classes=5))
    torch.save(model.state_dict(), tmp_path / "m.pth")
    assert_same(load(tmp_path / "m.pth", code="torchvision:resnet18", image_size=64), model)


@pytest.mark.parametrize("name", ["timm:resnet18x", "torchvision:resnet19"])
def test_there_is_no_such_model(name: str) -> None:
    with pytest.raises(UsageError, match="has no model") as caught:
        load(name)
    assert "resnet18" in str(caught.value.hint)


def hugging_face(folder: Path, tensors: dict[str, torch.Tensor], **config: Any) -> Path:
    """A folder with names and configuration of Hugging Face's ResNet."""
    names = {
        "conv1": "resnet.embedder.embedder.convolution", "bn1": "resnet.embedder.embedder.normalization",
        "fc": "classifier.1",
    }  # fmt: skip

    def renamed(name: str) -> str:
        layer, _, role = name.rpartition(".")
        if layer in names:
            return f"{names[layer]}.{role}"
        stage, block, *rest = layer.split(".")
        place = f"resnet.encoder.stages.{int(stage[-1]) - 1}.layers.{block}"
        if rest[0] == "downsample":
            return f"{place}.shortcut.{('convolution', 'normalization')[int(rest[1])]}.{role}"
        kind = "convolution" if rest[0].startswith("conv") else "normalization"
        return f"{place}.layer.{int(rest[0][-1]) - 1}.{kind}.{role}"

    save_file({renamed(name): tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    labels = {str(index): f"class {index}" for index in range(5)}
    (folder / "config.json").write_text(json.dumps({"model_type": "resnet", "id2label": labels, **config}))
    return folder


@pytest.mark.parametrize("on_first", [True, False])
def test_a_folder_of_hugging_face(tmp_path: Path, on_first: bool) -> None:
    """Its configuration says where the stride stands."""
    model = of_timm("resnet26", num_classes=5)
    if on_first:
        for name, module in model.named_modules():
            if name.endswith("conv2") and getattr(module, "stride", None) == (2, 2):
                module.stride = (1, 1)
                model.get_submodule(name.replace("conv2", "conv1")).stride = (2, 2)
    folder = hugging_face(tmp_path, model.state_dict(), downsample_in_bottleneck=on_first)
    trained = load(folder, image_size=64)
    assert "its names are those of Hugging Face's ResNet" in trained.origin
    assert trained.labels == tuple(f"class {index}" for index in range(5))
    assert not {"stride", "eps"} & {one.name for one in trained.assumptions}
    assert_same(trained, model)
    with pytest.raises(UsageError, match=r"was asked for, but config\.json has the stride on the"):
        load(folder, stride_on="3x3" if on_first else "1x1")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "vit"}, "a network of the kind 'vit'"),
        ({"model_type": "resnet", "hidden_act": "gelu"}, "a ResNet with the activation 'gelu'"),
        ({"model_type": "resnet", "downsample_in_first_stage": True}, "a ResNet with a stride in its first stage"),
    ],
)
def test_a_configuration_of_another_network(config: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=said) as caught:
        load(tmp_path)
    assert "--model" in str(caught.value.hint)


def test_a_folder_of_timm(tmp_path: Path) -> None:
    """Its configuration names the model, and says how pictures are prepared."""
    model = of_timm("resnetblur18", num_classes=5)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    halves = {"mean": [0.5] * 3, "std": [0.5] * 3}
    prepared = {"input_size": [3, 160, 160], "crop_pct": 0.95, "interpolation": "bicubic", **halves}
    config = {"architecture": "resnetblur18", "num_classes": 5, "pretrained_cfg": prepared}
    config["label_names"] = list("abcde")
    (tmp_path / "config.json").write_text(json.dumps(config))
    trained = load(tmp_path, image_size=64)
    assert trained.labels == tuple("abcde")
    assert (trained.preprocessing["resize"], trained.preprocessing["crop"]) == (168, 160)
    assert trained.preprocessing["interpolation"] == "bicubic"
    assert_same(trained, model)
    assert load(tmp_path).network.image == (3, 160, 160)


@pytest.mark.parametrize("name", ["timm:resnetblur18", "torchvision:resnet18"])
def test_a_name_that_the_configuration_contradicts(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnetaa50", "num_classes": 5}))
    with pytest.raises(UsageError, match=rf"{name} was asked for, but config\.json in .* is of timm:resnetaa50"):
        load(tmp_path, code=name)


@pytest.mark.parametrize("layer", ["basic", "bottleneck"])
def test_the_class_of_hugging_face_leaves_nothing_of_the_network_to_assume(layer: str, tmp_path: Path) -> None:
    model = of_timm("resnet18" if layer == "basic" else "resnet26", num_classes=5)
    named = {"architectures": ["ResNetForImageClassification"], "layer_type": layer}
    trained = load(hugging_face(tmp_path, model.state_dict(), **named), image_size=64)
    assert trained.assumptions == ()
    assert_same(trained, model)


def test_what_a_configuration_without_the_class_leaves_open(tmp_path: Path) -> None:
    model = of_timm("resnet18", num_classes=5)
    trained = load(hugging_face(tmp_path, model.state_dict(), layer_type="basic"))
    names = ["stem", "padding", "dilation", "pooling", "surroundings", "image size"]
    assert [one.name for one in trained.assumptions] == names


def test_a_preparation_beside_the_checkpoint(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, of_timm("resnet26", num_classes=5).state_dict())
    processor = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    trained = load(folder)
    assert "image size" not in [one.name for one in trained.assumptions]
    assert trained.preprocessing["origin"] == "preprocessor_config.json"
    assert (trained.preprocessing["resize"], trained.preprocessing["crop"]) == (256, 224)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("text", ["", "[1]"])
def test_a_damaged_configuration(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=f"{name} cannot be read as a configuration"):
        load(tmp_path)
