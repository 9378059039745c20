from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.deploy.layers import first_wrong
from resnet_export.network.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

SHOWN = {"Relu", "MaxPool", "GlobalAveragePool", "Gemm"}
"""What is left to be seen once batch norms, activations and additions were fused into the convolutions before them."""


def values(spec: ResNetSpec, numbers: dict[str, NDArray[np.float32]], image: NDArray[np.float32]) -> list[NDArray]:  # type: ignore[type-arg]
    """What a runtime that fuses shows: in float32, and without the axis of the batch."""
    steps = evaluate(spec.network, numbers, image, np.float32)
    return [value[0] for step, value in steps if step.op in SHOWN]


@pytest.mark.parametrize("wrong", [None, "conv1", "layer1.1.conv2", "layer3.0.downsample.0", "fc"])
def test_the_first_wrong_layer_is_found_by_its_numbers(
    wrong: str | None, small: ResNetSpec, trained: Callable[..., Weights]
) -> None:
    numbers = dict(trained(small))
    image = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    spoiled = dict(numbers)
    if wrong is not None:
        spoiled[f"{wrong}.weight"] = np.float32(1.5) * numbers[f"{wrong}.weight"]
    found = first_wrong(small.network, numbers, image.astype(np.float64), values(small, spoiled, image))
    if (
        wrong == "layer3.0.downsample.0"
    ):  # it is fused with the convolution that it is added to, and either may be wrong
        assert found in ("layer3.0.conv2", wrong)
    else:
        assert found == wrong
