from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

from resnet_export.errors import CheckpointError
from resnet_export.weights import Weights
from resnet_export.weights.canonical import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export.spec import ResNetSpec


def changed(weights: Weights, **arrays: Any) -> dict[str, NDArray[Any]]:
    return dict(weights) | {name.replace("__", "."): array for name, array in arrays.items()}


def test_order_and_shapes_are_those_of_the_specification(tiny: ResNetSpec, weights: Weights) -> None:
    assert {name: array.shape for name, array in weights.items()} == dict(tiny.parameters)
    assert list(weights) == list(tiny.parameters)
    assert all(array.dtype == np.float32 for array in weights.values())


def test_arrays_cannot_be_written_to(weights: Weights) -> None:
    with pytest.raises(ValueError, match="read-only"):
        weights["fc.bias"][0] = 1


def test_takes_a_copy(tiny: ResNetSpec, weights: Weights) -> None:
    source = {name: array.copy() for name, array in weights.items()}
    copied = Weights(tiny, source)
    source["fc.bias"][0] += 1
    assert copied["fc.bias"][0] == weights["fc.bias"][0]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_widened_exactly(tiny: ResNetSpec, weights: Weights, dtype: Any) -> None:
    half = {name: array.astype(dtype) for name, array in weights.items()}
    wide = Weights(tiny, half)
    for name, array in half.items():
        np.testing.assert_array_equal(wide[name].astype(np.float64), array.astype(np.float64))


def test_double_precision_is_rounded_with_a_warning(tiny: ResNetSpec, weights: Weights) -> None:
    value = 1 + 2.0**-24 + 2.0**-40  # just above the middle of two neighbours of float32
    with pytest.warns(UserWarning, match=r"m\.pth: 1 tensors are float64 \('fc\.bias'\); they were rounded"):
        rounded = Weights(tiny, changed(weights, fc__bias=np.full(10, value)), origin="m.pth")
    np.testing.assert_array_equal(rounded["fc.bias"], np.float32(1 + 2.0**-23))


def test_counters_of_batches_are_ignored(tiny: ResNetSpec, weights: Weights) -> None:
    counted = Weights(tiny, changed(weights, bn1__num_batches_tracked=np.int64(7)))
    assert counted.digest == weights.digest


def test_all_faults_of_names_and_shapes_are_in_one_message(tiny: ResNetSpec, weights: Weights) -> None:
    tensors = changed(weights, fc__bias=np.zeros(11, np.float32), extra=np.zeros(1, np.float32))
    del tensors["bn1.weight"]
    with pytest.raises(CheckpointError) as caught:
        Weights(tiny, tensors, origin="m.pth")
    assert caught.value.exit_code == 3
    assert "m.pth does not hold the 102 tensors of ResNet-18" in caught.value.message
    for fault in ("1 missing ('bn1.weight')", "1 surplus ('extra')", "fc.bias: (11,), expected (10,)"):
        assert fault in caught.value.message


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("fc.bias", np.zeros(10, np.int64), "fc.bias is of type int64, not a floating one"),
        ("fc.bias", np.full(10, np.nan, np.float32), "fc.bias has 10 values that are NaN or infinite"),
        ("fc.bias", np.full(10, 1e300), "fc.bias has 10 values that are NaN or infinite"),
        ("bn1.running_var", np.full(8, -1, np.float32), "bn1.running_var has the negative variance -1.0"),
    ],
)
def test_values_no_network_has_are_refused(
    tiny: ResNetSpec, weights: Weights, name: str, array: NDArray[Any], message: str
) -> None:
    with pytest.raises(CheckpointError) as caught:
        Weights(tiny, {**weights, name: array})
    assert message in caught.value.message
    assert caught.value.hint


def test_digest_depends_on_every_bit(tiny: ResNetSpec, weights: Weights) -> None:
    nudged = weights["fc.bias"].copy()
    nudged[3] = np.nextafter(nudged[3], np.float32(np.inf))
    assert Weights(tiny, changed(weights, fc__bias=nudged)).digest != weights.digest
    assert Weights(tiny, dict(weights)).digest == weights.digest
    assert weights.digest[:12] in repr(weights)


def test_digest_does_not_depend_on_the_byte_order_or_strides() -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    assert digest({"a": array}) == digest({"a": array.astype(">f4")}) == digest({"a": np.asfortranarray(array)})


def test_digest_tells_shapes_and_names_apart() -> None:
    array = np.arange(6, dtype=np.float32)
    digests = {digest({"a": array}), digest({"b": array}), digest({"a": array.reshape(2, 3)}), digest({})}
    assert len(digests) == 4
