"""The configuration in a `.keras` archive: the definition passes, and whatever differs is refused by its layer."""

from __future__ import annotations

import inspect
import json
import zipfile
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

from resnet_export import CheckpointError, ResNetSpec, Weights, export, verify
from resnet_export.models.keras import build
from resnet_export.weights.formats.keras_config import IDLE, read_config

if TYPE_CHECKING:
    from collections.abc import Callable
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


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("bn1", {"axis": 1}, r"'bn1' \(BatchNormalization\): axis is 1, and in the specification -1"),
        ("layer2.0.bn1", {"epsilon": 1e-3}, "'layer2.0.bn1' .* epsilon is 0.001, and in the specification 1e-05"),
        ("relu", {"max_value": 6.0}, r"'relu' \(ReLU\): max_value is 6.0, and in the specification None"),
        ("relu", {"negative_slope": 0.1}, "negative_slope is 0.1"),
        ("conv1", {"activation": "relu"}, "'conv1' .* activation is 'relu', and in the specification 'linear'"),
        ("conv1", {"padding": "valid"}, "'conv1' .* padded by 0 on each side, and in the specification by 1"),
        ("conv1", {"dilation_rate": [2, 2]}, r"dilation_rate is \[2, 2\]"),
        ("layer1.0.conv1", {"strides": [2, 2]}, r"'layer1.0.conv1' .* strides is \[2, 2\]"),
        (
            "layer2.0.conv1.pad",
            {"padding": [[0, 1], [0, 1]]},
            r"pads by \[\[0, 1\], \[0, 1\]\]",
        ),
        ("fc", {"activation": "softmax"}, r"'fc' \(Dense\): activation is 'softmax'"),
    ],
)
def test_what_differs_is_named_with_its_layer(name: str, values: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = changed(tmp_path, name, **values)
    with pytest.raises(CheckpointError, match=f"another network than the ResNet-18 that its weights fit: .*{said}"):
        Weights.load(path)


def around(*before: Any, after: tuple[Any, ...] = ()) -> keras.Model:
    return keras.Sequential([layers.Input((64, 64, 3)), *before, build(SPEC), *after])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: around(layers.Rescaling(1 / 255)),
            r"'rescaling\w*' \(Rescaling\): the specification has no such layer",
        ),
        (lambda: around(after=(layers.Softmax(),)), r"'softmax\w*' \(Softmax\): the specification has no such layer"),
        (
            lambda: around(after=(layers.Activation("sigmoid"),)),
            "activation is 'sigmoid', and in the",
        ),
    ],
)
def test_what_stands_around_the_network_is_refused(make: Callable[[], keras.Model], said: str, tmp_path: Path) -> None:
    make().save(tmp_path / "net.keras")
    with pytest.raises(CheckpointError, match=said) as caught:
        export(tmp_path / "net.keras", tmp_path / "net.onnx", framework="keras")
    assert caught.value.exit_code == 3
    assert not (tmp_path / "net.onnx").exists()


def test_verify_refuses_it_as_well(tmp_path: Path) -> None:
    weights = Weights.initial(SPEC)
    export(weights, tmp_path / "net.onnx", framework="torch", verify=False)
    around(layers.Rescaling(1 / 255)).save(tmp_path / "net.keras")
    with pytest.raises(CheckpointError, match="Rescaling"):
        verify(tmp_path / "net.onnx", weights=tmp_path / "net.keras", runtimes=["ort:cpu"])


def test_what_does_nothing_in_inference_is_passed_over(tmp_path: Path) -> None:
    model = around(layers.RandomFlip("horizontal"), layers.GaussianNoise(0.1), after=(layers.Dropout(0.5),))
    model.save(tmp_path / "net.keras")
    report = export(tmp_path / "net.keras", tmp_path / "net.onnx", framework="keras")
    assert report.passed
    assert not report.network_assumed
    live = export(model, tmp_path / "live.onnx")
    assert live.passed
    assert (tmp_path / "live.onnx").read_bytes() == (tmp_path / "net.onnx").read_bytes()


@pytest.mark.parametrize("name", IDLE)
def test_what_is_passed_over_does_nothing_in_inference(name: str) -> None:
    kind = getattr(layers, name)
    given = {"factor": 4 if name == "RandomPosterization" else 0.3, "mode": "horizontal"}
    needed = [one for one in inspect.signature(kind.__init__).parameters.values() if one.default is one.empty]
    words = {one.name: given.get(one.name, 0.3) for one in needed if one.name not in ("self", "kwargs")}
    images = np.random.default_rng(0).uniform(0, 255, (2, 40, 48, 3)).astype("float32")
    model = keras.Sequential([layers.Input((40, 48, 3)), kind(**words)])
    np.testing.assert_array_equal(np.asarray(model(images, training=False)), images)


def test_a_layer_that_is_called_as_in_training_is_refused(tmp_path: Path) -> None:
    plain = build(SPEC)
    features = layers.Dropout(0.5, name="drop")(plain.get_layer("avgpool").output, training=True)
    keras.Model(plain.input, layers.Dense(10, name="fc")(features)).save(tmp_path / "net.keras")
    with pytest.raises(CheckpointError, match=r"'drop' \(Dropout in training mode\): the specification has no such"):
        Weights.load(tmp_path / "net.keras")


def test_an_image_that_is_not_square(tmp_path: Path) -> None:
    changed(tmp_path, "input", batch_shape=[None, 64, 48, 3])
    with pytest.raises(CheckpointError, match="takes images of 64 x 48, and a ResNet's are square here"):
        Weights.load(tmp_path / "net.keras")


def test_an_open_image_size_shows_none(tmp_path: Path) -> None:
    changed(tmp_path, "input", batch_shape=[None, None, None, 3])
    config = read_config(tmp_path / "net.keras")
    assert config is not None
    assert "image_size" not in config.findings


def test_a_subclassed_model_shows_nothing(tmp_path: Path) -> None:
    build(SPEC).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as source, zipfile.ZipFile(tmp_path / "net.keras", "w") as target:
        for entry in source.namelist():
            config = json.dumps({"class_name": "Mine", "module": "mine", "config": {}}).encode()
            target.writestr(entry, config if entry == "config.json" else source.read(entry))
    assert read_config(tmp_path / "net.keras") is None
    report = export(tmp_path / "net.keras", tmp_path / "net.onnx", framework="torch", image_size=64)
    assert report.network_assumed


@pytest.mark.parametrize("config", [b"{", b"[]", b'{"class_name": "Functional", "config": {"layers": 3}}'])
def test_a_configuration_that_cannot_be_followed(config: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as target:
        target.writestr("config.json", config)
    with pytest.raises(CheckpointError, match=r"The configuration in .* cannot be followed"):
        read_config(tmp_path / "net.keras")


def test_live_models_keep_their_eps(tmp_path: Path) -> None:
    spec = ResNetSpec(depth=18, width=8, num_classes=10, image_size=32, stem="cifar", eps=1e-3)
    from resnet_export.models.torch import build as build_torch

    for name, model in (("keras", build(spec)), ("torch", build_torch(spec).eval())):
        report = export(model, tmp_path / f"{name}.onnx")
        assert report.passed
        assert report.spec.eps == 1e-3


def test_batch_norms_that_differ_are_refused(tmp_path: Path) -> None:
    model = build(SPEC)
    model.get_layer("layer2.0.bn1").epsilon = 1e-3
    with pytest.raises(CheckpointError, match=r"bn1 has eps 1e-05, and layer2\.0\.bn1 0\.001"):
        export(model, tmp_path / "net.onnx")


def test_the_weights_alone_are_assumed_to_be_the_usual_network(tmp_path: Path) -> None:
    build(SPEC).save_weights(tmp_path / "net.weights.h5")
    report = export(tmp_path / "net.weights.h5", tmp_path / "net.onnx", framework="torch", image_size=64)
    names = [one.name for one in report.assumptions if one.about == "network"]
    assert names == ["eps", "activation", "stem", "stride", "padding", "dilation", "pooling", "surroundings"]
    assert [one.option for one in report.assumptions if one.name == "eps"] == ["--eps"]
    given = export(tmp_path / "net.weights.h5", tmp_path / "b.onnx", framework="torch", eps=1e-3, image_size=64)
    assert given.spec.eps == 1e-3
    assert "eps" not in [one.name for one in given.assumptions]


def test_the_file_keeps_what_was_assumed(tmp_path: Path) -> None:
    from resnet_export.graph.file import read, read_metadata
    from resnet_export.report.export import render

    Weights.initial(SPEC).save(tmp_path / "net.npz")
    report = export(tmp_path / "net.npz", tmp_path / "net.onnx", framework="torch", mean=[0.5] * 3, std=[0.5] * 3)
    metadata = read_metadata(read(tmp_path / "net.onnx"), tmp_path / "net.onnx")
    assert metadata.assumptions == report.assumptions
    assert {one.name for one in report.assumptions if one.about == "pictures"} == {
        "image size",
        "resize",
        "interpolation",
    }
    assert "the file is that network, with what was assumed of it" in " ".join(render(report).split())
    np.testing.assert_array_equal(metadata.preprocessing.mean, [0.5] * 3)
