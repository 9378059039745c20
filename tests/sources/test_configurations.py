"""Configurations are read as the packages that wrote them read them: the pixels are those of their own transforms."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from resnet_export.errors import CheckpointError
from resnet_export.images import Preprocessing, prepare
from resnet_export.sources.configurations import CAFFE, KERAS, PROCESSORS, of_live, of_processor, of_timm
from tests.corpus_networks import with_torchvision

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
HALVES = [0.5] * 3


def pictures() -> list[Image.Image]:
    """Two photographs, one of them upright, and a small one of odd lengths: each rounding gets its turn."""
    china, flower = (Image.fromarray(pixels) for pixels in load_sample_images().images)
    return [china, flower.transpose(Image.Transpose.ROTATE_90), china.crop((100, 50, 351, 240))]


def assert_equal_in_float32(ours: NDArray[np.float64], theirs: NDArray[np.float32], found: Preprocessing) -> None:
    """To 1.5 ulp of the larger of pixel and mean, before their difference: ours is rounded once, theirs four times."""
    mean, std = (np.array(part).reshape(-1, 1, 1) for part in (found.mean, found.std))
    larger = np.maximum(np.abs(ours * std + mean), np.abs(mean)) / std
    ulps = np.abs(ours.astype(np.float32).astype(np.float64) - theirs) / np.spacing(larger.astype(np.float32))
    assert float(ulps.max()) <= 1.5


def transforms_of_timm() -> dict[str, dict[str, Any]]:
    """One configuration of timm's for each way in which pictures are prepared, by the name of a network."""
    with_torchvision()
    pytest.importorskip("timm", reason="timm is not installed: pip install --no-deps timm -c constraints.txt")
    from timm.models._registry import _model_pretrained_cfgs

    names = ("input_size", "test_input_size", "crop_pct", "test_crop_pct", "crop_mode", "interpolation", "mean", "std")
    found: dict[str, dict[str, Any]] = {}
    for name, configuration in _model_pretrained_cfgs.items():
        plain = configuration.to_dict()
        found.setdefault(json.dumps([plain.get(key) for key in names]), {"name": name, **plain})
    return {one.pop("name"): one for one in found.values()}


@pytest.mark.parametrize(
    ("step", "least"), [pytest.param(1, 300, marks=pytest.mark.long, id="every"), pytest.param(16, 12, id="some")]
)
def test_configurations_of_timm(step: int, least: int) -> None:
    configurations = transforms_of_timm()
    from timm.data import create_transform, resolve_data_config

    compared = refused = 0
    drawn = pictures()
    for name, configuration in list(configurations.items())[::step]:
        other_size = configuration.get("test_input_size") not in (None, configuration["input_size"])
        for tested in (False, True) if other_size else (False,):
            wanted = resolve_data_config(pretrained_cfg=configuration, use_test_size=tested)
            size = wanted["input_size"][1]
            if wanted["crop_mode"] == "border" or size != wanted["input_size"][2] or wanted["crop_pct"] > 1:
                with pytest.raises(CheckpointError, match=r"isn't supported: (crop_mode 'b|input_size|a crop_pct)"):
                    of_timm(configuration, size if tested else None)
                refused += 1
                continue
            found = Preprocessing(**of_timm(configuration, size if tested else None))
            pixels = create_transform(**wanted, normalize=False)
            floats = create_transform(**wanted)
            picture = drawn[compared % len(drawn)]
            mine = prepare(picture, found)
            assert np.array_equal(mine.transpose(2, 0, 1), pixels(picture).numpy()), name
            if compared % 8 == 0:
                assert_equal_in_float32(found.normalise(mine[None])[0], floats(picture).numpy(), found)
            compared += 1
    assert compared > least
    assert refused < 20


@pytest.fixture(scope="module")
def transformers() -> Any:
    """Hugging Face's package."""
    with_torchvision()
    return pytest.importorskip("transformers", reason="transformers is not installed")


def written(kind: str, **fields: Any) -> dict[str, Any]:
    """A `preprocessor_config.json` as the package writes it."""
    common = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
    return {**common, "image_mean": MEAN, "image_std": STD, "image_processor_type": f"{kind}ImageProcessor", **fields}


CONFIGURATIONS = {
    "resnet-50": written("ConvNext", size={"shortest_edge": 224}, crop_pct=0.875, resample=3),
    "convnext-tiny-224": written("ConvNext", size={"shortest_edge": 224}, crop_pct=0.875, resample=3),
    "convnext-base-384": written("ConvNext", size={"shortest_edge": 384}, crop_pct=1.0, resample=3),
    "convnext-small-odd": written("ConvNext", size={"shortest_edge": 193}, crop_pct=0.9, resample=2),
    "resnet-old": written("ConvNext", size=224, crop_pct=0.875, resample=3),
    "regnet-short-factor": written("ConvNext", size={"shortest_edge": 256}, rescale_factor=0.00392156862745098),
    "vit-base": written("ViT", size={"height": 224, "width": 224}, resample=2, image_mean=HALVES, image_std=HALVES),
    "vit-old": written("ViT", size=384, resample=3),
    "vit-plain": written("ViT", size=224, do_normalize=False),
    "vit-unscaled": written("ViT", size=224, do_rescale=False, image_mean=[127.5] * 3, image_std=[127.5] * 3),
    "dinov2": written("Bit", size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, do_center_crop=True),
    **{f"{kind}, what holds unsaid": {"image_processor_type": f"{kind}ImageProcessor"} for kind in PROCESSORS},
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_hugging_faces_processors(name: str, transformers: Any) -> None:
    configuration = CONFIGURATIONS[name]
    kind = configuration["image_processor_type"].removesuffix("ImageProcessor")
    module = kind.lower()
    pil = importlib.import_module(f"transformers.models.{module}.image_processing_pil_{module}")
    processor = getattr(pil, f"{kind}ImageProcessorPil")(**configuration)
    plain = {"do_rescale": False, "do_normalize": False}
    found = Preprocessing(**of_processor(configuration))
    for picture in pictures():
        mine = prepare(picture, found)
        theirs = processor(picture, **plain)["pixel_values"][0]
        assert np.array_equal(mine.transpose(2, 0, 1), theirs)
        assert_equal_in_float32(found.normalise(mine[None])[0], processor(picture)["pixel_values"][0], found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_processor_type": "LevitImageProcessor"}, "the processor Levit"),
        ({"do_resize": False}, "do_resize false"),
        ({"do_pad": True}, "do_pad true"),
        ({"size": {"height": 224, "width": 192}}, "the size {'height': 224, 'width': 192}"),
        ({"size": {"shortest_edge": 224, "longest_edge": 512}}, "the size"),
        ({"size": {"shortest_edge": 224}}, "a shorter side of 224 pixels without a crop"),
        ({"do_center_crop": True, "crop_size": 256}, "a crop of 256 from 224 pixels"),
        ({"resample": 4}, "the interpolation 4"),
    ],
)
def test_what_is_not_supported_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match="isn't supported") as caught:
        of_processor({**written("ViT", size=224), **change})
    assert message in caught.value.message
    assert caught.value.hint is not None


def test_a_processor_without_a_name() -> None:
    with pytest.raises(CheckpointError, match="image_processor_type is missing"):
        of_processor({"size": 224})


def test_names_of_earlier_releases() -> None:
    named = {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224}
    assert of_processor(named) == of_processor({"image_processor_type": "ConvNextImageProcessorFast", "size": 224})


def test_another_size_of_images() -> None:
    """ConvNext's rule changes at 384 pixels."""
    convnext = written("ConvNext", crop_pct=0.875)
    aspects = [of_processor({**convnext, "size": {"shortest_edge": size}})["aspect"] for size in (160, 383, 384)]
    assert aspects == ["kept", "kept", "squashed"]


class TestTimm:
    CONFIGURATION: ClassVar[dict[str, Any]] = {
        "input_size": (3, 224, 224), "test_input_size": (3, 288, 288), "crop_pct": 0.95, "test_crop_pct": 1.0,
        "interpolation": "bicubic", "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2),
    }  # fmt: skip

    def test_at_the_size_of_the_training_and_of_the_test(self) -> None:
        assert of_timm(self.CONFIGURATION)["resize"] == 235
        assert of_timm(self.CONFIGURATION, 288)["resize"] == 288
        assert of_timm(self.CONFIGURATION, 256)["resize"] == 269

    def test_inside_a_configuration_of_hugging_faces_hub(self) -> None:
        file = json.loads(json.dumps({"architecture": "resnet50", "pretrained_cfg": self.CONFIGURATION}))
        assert of_timm(file) == of_timm(self.CONFIGURATION)
        assert of_processor({"image_processor_type": "TimmWrapperImageProcessor", **file}) == of_timm(file)

    def test_a_live_model_says_where_it_was_tested(self) -> None:
        found = of_live({"timm": self.CONFIGURATION}, 3, 224)
        assert found["origin"] == "timm's pretrained_cfg (timm tests its own weights at 288: --image-size 288)"
        assert of_live({"timm": self.CONFIGURATION}, 3, 288)["origin"] == "timm's pretrained_cfg"

    def test_other_channels_leave_mean_and_std_unknown(self) -> None:
        """timm.create_model(..., in_chans=1) leaves the configuration as it is."""
        found = of_live({"timm": self.CONFIGURATION}, 1, 224)
        assert found["resize"] == 235
        assert found.keys() & {"mean", "std"} == set()

    def test_a_resize_that_is_not_supported_stops_no_export(self) -> None:
        found = of_live({"timm": {**self.CONFIGURATION, "crop_mode": "border"}}, 3, 224)
        assert found["mean"] == (0.5, 0.4, 0.3)
        assert "resize" not in found
        assert found["origin"].endswith("whose resize isn't supported")


class TestKeras:
    def test_the_modes_of_keras_applications(self) -> None:
        """Of each network, its own `preprocess_input` on the same pixels."""
        keras = pytest.importorskip("keras")
        modules = {
            "resnet50": "resnet", "resnet152": "resnet", "vgg16": "vgg16", "vgg19": "vgg19", "resnet50v2": "resnet_v2",
            "densenet121": "densenet", "mobilenet": "mobilenet", "mobilenetv2": "mobilenet_v2", "xception": "xception",
            "inception_v3": "inception_v3", "inception_resnet_v2": "inception_resnet_v2", "nasnet_large": "nasnet",
        }  # fmt: skip
        pixels = load_sample_images().images[0][None, :64, :96]
        for name, module in modules.items():
            theirs = getattr(keras.applications, module).preprocess_input(pixels.astype(np.float32))
            mine = Preprocessing(64, 64, **KERAS[name]).normalise(pixels).transpose(0, 2, 3, 1)
            assert np.abs(mine - theirs).max() <= (2e-5 if KERAS[name] is CAFFE else 1e-6), name

    def test_a_name_with_width_and_size(self) -> None:
        assert of_live({"keras": ("mine", "mobilenetv2_1.00_224")}, 3, 224)["origin"] == (
            "that of keras.applications for mobilenetv2"
        )

    def test_it_is_likely_only(self) -> None:
        assert set(of_live({"keras": ("resnet50",)}, 3, 224)["assumed"]) == {"mean", "std", "bgr"}

    def test_of_another_name(self) -> None:
        assert of_live({"keras": ("functional_3",)}, 3, 224) == {}
