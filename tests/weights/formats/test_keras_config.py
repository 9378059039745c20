"""The configuration in a `.keras` archive: what it shows of the images and the batch norms."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

from resnet_export import CheckpointError, ResNetSpec, Weights, export
from resnet_export.models.keras import build
from resnet_export.weights.formats.keras import read_findings

if TYPE_CHECKING:
    from pathlib import Path

SPEC = ResNetSpec(depth=18, width=8, num_classes=10, image_size=64, stem="cifar")


def changed(folder: Path, name: str, **values: Any) -> Path:
    """The definition's own archive, with another configuration of one layer."""
    build(SPEC).save(folder / "plain.keras")
    with zipfile.ZipFile(folder / "plain.keras") as source, zipfile.ZipFile(folder / "net.keras", "w") as target:
        for entry in source.namelist():
            content = source.read(entry)
            if entry == "config.json":
                model = json.loads(content)
                layer = next(one for one in model["config"]["layers"] if one["config"]["name"] == name)
                layer["config"] |= values
                content = json.dumps(model).encode()
            target.writestr(entry, content)
    return folder / "net.keras"


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_the_definition_is_the_network_of_its_specification(depth: int, stem: Any, tmp_path: Path) -> None:
    spec = ResNetSpec(depth=depth, width=4, num_classes=3, image_size=64, stem=stem, eps=1e-3)
    build(spec).save(tmp_path / "net.keras")
    assert Weights.load(tmp_path / "net.keras").spec == spec


def test_another_image_size_may_be_asked_for_and_another_eps_may_not(tmp_path: Path) -> None:
    build(SPEC).save(tmp_path / "net.keras")
    assert Weights.load(tmp_path / "net.keras", image_size=32).spec.image_size == 32
    with pytest.raises(CheckpointError, match=r"--eps 0.001 was asked for, but the batch norms in .* have eps 1e-05"):
        Weights.load(tmp_path / "net.keras", eps=1e-3)


def around(*before: Any, after: tuple[Any, ...] = ()) -> keras.Model:
    return keras.Sequential([layers.Input((64, 64, 3)), *before, build(SPEC), *after])


@pytest.mark.long
def test_what_does_nothing_in_inference_is_passed_over(tmp_path: Path) -> None:
    model = around(layers.RandomFlip("horizontal"), layers.GaussianNoise(0.1), after=(layers.Dropout(0.5),))
    model.save(tmp_path / "net.keras")
    report = export(tmp_path / "net.keras", tmp_path / "net.onnx", framework="keras")
    assert report.passed
    assert not report.network_assumed
    live = export(model, tmp_path / "live.onnx")
    assert live.passed
    assert (tmp_path / "live.onnx").read_bytes() == (tmp_path / "net.onnx").read_bytes()


def test_an_image_that_is_not_square(tmp_path: Path) -> None:
    changed(tmp_path, "input", batch_shape=[None, 64, 48, 3])
    with pytest.raises(CheckpointError, match="takes images of 64 x 48, and a ResNet's are square here"):
        Weights.load(tmp_path / "net.keras")


def test_an_open_image_size_shows_none(tmp_path: Path) -> None:
    changed(tmp_path, "input", batch_shape=[None, None, None, 3])
    assert "image_size" not in read_findings(tmp_path / "net.keras")


def test_a_subclassed_model_shows_nothing(tmp_path: Path) -> None:
    build(SPEC).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as source, zipfile.ZipFile(tmp_path / "net.keras", "w") as target:
        for entry in source.namelist():
            config = json.dumps({"class_name": "Mine", "module": "mine", "config": {}}).encode()
            target.writestr(entry, config if entry == "config.json" else source.read(entry))
    assert read_findings(tmp_path / "net.keras") == {}
    assert Weights.load(tmp_path / "net.keras").assumptions


@pytest.mark.parametrize("config", [b"{", b"\xff", b"not JSON"])
def test_a_configuration_that_cannot_be_read(config: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as target:
        target.writestr("config.json", config)
    with pytest.raises(CheckpointError, match=r"The configuration in .* cannot be read"):
        read_findings(tmp_path / "net.keras")


@pytest.mark.long
def test_live_models_keep_their_eps(tmp_path: Path) -> None:
    spec = ResNetSpec(depth=18, width=8, num_classes=10, image_size=32, stem="cifar", eps=1e-3)
    from resnet_export.models.torch import build as build_torch

    for name, model in (("keras", build(spec)), ("torch", build_torch(spec).eval())):
        report = export(model, tmp_path / f"{name}.onnx")
        assert report.passed
        assert report.spec.eps == 1e-3


def test_the_weights_alone_are_assumed_to_be_the_usual_network(tmp_path: Path) -> None:
    build(SPEC).save_weights(tmp_path / "net.weights.h5")
    report = export(tmp_path / "net.weights.h5", tmp_path / "net.onnx", framework="keras", image_size=64)
    names = [one.name for one in report.assumptions if one.about == "network"]
    assert names == ["eps", "activation", "stem", "stride", "padding", "dilation", "pooling", "surroundings"]
    assert [one.option for one in report.assumptions if one.name == "eps"] == ["--eps"]
    given = export(tmp_path / "net.weights.h5", tmp_path / "b.onnx", framework="keras", eps=1e-3, image_size=64)
    assert given.spec.eps == 1e-3
    assert "eps" not in [one.name for one in given.assumptions]


def test_the_file_keeps_what_was_assumed(tmp_path: Path) -> None:
    from resnet_export.graph.file import read, read_metadata
    from resnet_export.report.export import render

    Weights.initial(SPEC).save(tmp_path / "net.npz")
    report = export(tmp_path / "net.npz", tmp_path / "net.onnx", framework="keras", mean=[0.5] * 3, std=[0.5] * 3)
    metadata = read_metadata(read(tmp_path / "net.onnx"), tmp_path / "net.onnx")
    assert metadata.assumptions == report.assumptions
    assert {one.name for one in report.assumptions if one.about == "pictures"} == {
        "image size",
        "resize",
        "interpolation",
        "aspect",
    }
    assert "the file is that network, with what was assumed of it" in " ".join(render(report).split())
    np.testing.assert_array_equal(metadata.preprocessing.mean, [0.5] * 3)
