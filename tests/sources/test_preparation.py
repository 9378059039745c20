"""Whose preparation a source shows, at which size, and what it only makes likely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.assumptions import about_pictures
from resnet_export.images import IMAGENET_MEAN, Preprocessing
from resnet_export.sources import load
from resnet_export.sources.preparation import preparation_of

if TYPE_CHECKING:
    from collections.abc import Callable

keras = pytest.importorskip("keras")
nn = pytest.importorskip("torch.nn")

TIMM = {
    "input_size": (3, 160, 160), "test_input_size": (3, 224, 224), "crop_pct": 0.95, "test_crop_pct": 1.0,
    "interpolation": "bicubic", "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.21, 0.22),
}  # fmt: skip


def of_timm(**change: Any) -> nn.Module:
    """A module with the attribute that timm's models have."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()
    model.pretrained_cfg = {**TIMM, **change}
    return model


def of_keras(before: Callable[[Any], Any] = lambda image: image, name: str = "mine") -> keras.Model:
    image = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(4, 3)(before(image))
    return keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)), name=name)


def test_timm_at_the_size_of_its_training() -> None:
    found, origin, known = preparation_of(load(of_timm()))
    assert found == Preprocessing(168, 160, TIMM["mean"], TIMM["std"], "bicubic")  # type: ignore[arg-type]
    assert origin == "timm's pretrained_cfg (timm tests its own weights at 224: --image-size 224)"
    assert about_pictures(found, known) == ()


def test_timm_at_the_size_of_its_test() -> None:
    found, origin, _ = preparation_of(load(of_timm(), image_size=224))
    assert (found.resize, found.crop, origin) == (224, 224, "timm's pretrained_cfg")


def test_what_timm_does_not_say_is_timms_default() -> None:
    found, _, _ = preparation_of(load(of_timm(mean=None, std=None, interpolation=None, crop_pct=None)))
    assert (found.mean, found.interpolation, found.resize) == (IMAGENET_MEAN, "bicubic", 182)


def test_a_crop_of_timms_that_is_not_supported_is_assumed_instead() -> None:
    found, origin, known = preparation_of(load(of_timm(crop_mode="border")))
    said = "timm tests its own weights at 224: --image-size 224"
    assert origin == f"timm's pretrained_cfg ({said}), whose resize isn't supported"
    assert [one.name for one in about_pictures(found, known)] == ["resize", "interpolation", "aspect"]


def test_squashed_by_timm() -> None:
    found, _, _ = preparation_of(load(of_timm(crop_mode="squash", crop_pct=1.0)))
    assert (found.aspect, found.resize) == ("squashed", 160)


INSIDE = {
    "caffe": keras.applications.resnet.preprocess_input,
    "tf": keras.applications.mobilenet_v2.preprocess_input,
    "torch": keras.applications.densenet.preprocess_input,
    "rescaling": keras.layers.Rescaling(1 / 255),
    "rescaling to -1..1": keras.layers.Rescaling(1 / 127.5, offset=-1),
    "mean of pixels": keras.layers.Normalization(mean=[123.0, 117.0, 104.0], variance=[1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("name", INSIDE)
def test_layers_inside_a_keras_model(name: str) -> None:
    found, origin, known = preparation_of(load(of_keras(INSIDE[name], name="resnet50")))
    assert (found.mean, found.std, found.bgr) == ((0.0,) * 3, (1 / 255,) * 3, False)
    assert origin == "the network scales pixels 0..255 by itself"
    assert known == {"mean", "std", "bgr"}


@pytest.mark.parametrize("mean", [0.5, 2.0])
def test_small_shifts_are_no_means_of_pixels(mean: float) -> None:
    layer = keras.layers.Normalization(mean=[mean] * 3, variance=[0.2] * 3)
    assert preparation_of(load(of_keras(layer)))[1] == "pixels on the scale 0..1"


@pytest.mark.long
def test_a_network_of_keras_applications_is_taken_at_its_word_and_that_is_said() -> None:
    base = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    pooled = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    found, origin, known = preparation_of(load(keras.Sequential([keras.Input((64, 64, 3)), base, *pooled])))
    assert origin == "that of keras.applications for resnet50"
    assert (found.bgr, found.mean[0], found.std) == (True, 103.939 / 255, (1 / 255,) * 3)
    open_ones = ["resize", "interpolation", "aspect", "mean", "std", "bgr"]
    assert [one.name for one in about_pictures(found, known)] == open_ones
