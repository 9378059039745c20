from __future__ import annotations

import numpy as np

from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights


def test_the_same_seed_gives_the_same_numbers(tiny: ResNetSpec) -> None:
    assert Weights.initial(tiny, seed=3).digest == Weights.initial(tiny, seed=3).digest
    assert Weights.initial(tiny, seed=3).digest != Weights.initial(tiny, seed=4).digest


def test_numbers_do_not_change_between_releases(tiny: ResNetSpec) -> None:
    first = Weights.initial(tiny)["conv1.weight"].ravel()[:3].tolist()
    assert [value.hex() for value in first] == [
        "0x1.7d7b4e0000000p-3",
        "-0x1.d978d40000000p-3",
        "-0x1.2334cc0000000p-4",
    ]


def test_convolutions_are_normal_with_fan_out_deviation() -> None:
    weights = Weights.initial(ResNetSpec())["layer4.0.conv2.weight"]
    expected = np.sqrt(2 / (512 * 9))
    assert abs(weights.std() / expected - 1) < 5 / np.sqrt(2 * weights.size)  # five standard errors
    assert abs(weights.mean()) < 5 * expected / np.sqrt(weights.size)


def test_classifier_is_uniform_within_its_bound() -> None:
    weights = Weights.initial(ResNetSpec())
    bound = 1 / np.sqrt(512)
    for name in ("fc.weight", "fc.bias"):
        assert 0.98 * bound < abs(weights[name]).max() <= np.float32(bound)


def test_batch_norm_starts_as_the_identity(tiny: ResNetSpec) -> None:
    weights = Weights.initial(tiny)
    for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
        assert (weights[f"layer1.0.bn1.{part}"] == value).all()
        assert (weights[f"layer2.0.downsample.1.{part}"] == value).all()
