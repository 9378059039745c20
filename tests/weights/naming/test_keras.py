from __future__ import annotations

import numpy as np
import pytest

from resnet_export.weights.naming.keras import canonical_name, to_canonical, to_keras


@pytest.mark.parametrize(
    ("keras", "canonical"),
    [((3, 5, 2, 7), (7, 2, 3, 5)), ((4, 10), (10, 4)), ((6,), (6,)), ((), ())],
    ids=["convolution", "dense", "vector", "scalar"],
)
def test_layouts(keras: tuple[int, ...], canonical: tuple[int, ...]) -> None:
    array = np.arange(np.prod(keras, dtype=int)).reshape(keras)
    assert to_canonical(array).shape == canonical
    assert np.shares_memory(to_canonical(array), array)
    np.testing.assert_array_equal(to_keras(to_canonical(array)), array)


def test_a_rank_of_no_layer_is_left_alone() -> None:
    array = np.arange(120).reshape(1, 2, 3, 4, 5)
    assert to_canonical(array).shape == array.shape


def test_names() -> None:
    assert canonical_name("layer1.0.bn1", "moving_variance") == "layer1.0.bn1.running_var"
    assert canonical_name("conv1", "kernel") == "conv1.weight"
    assert canonical_name("odd", "vars.0") == "odd.vars.0"
