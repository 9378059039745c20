from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file, save_model

from resnet_export.errors import CheckpointError
from resnet_export.models.torch import ResNet
from resnet_export.weights import Weights
from resnet_export.weights.formats import read_contents

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.spec import ResNetSpec


def test_torch_loads_what_is_written(tmp_path: Path, tiny: ResNetSpec, weights: Weights) -> None:
    weights.save(tmp_path / "m.safetensors")
    model = ResNet(tiny)
    model.load_state_dict(load_file(tmp_path / "m.safetensors"))
    for name, array in weights.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), array)


def test_what_torch_saves_is_read(tmp_path: Path, tiny: ResNetSpec) -> None:
    model = ResNet(tiny)
    save_model(model, str(tmp_path / "m.safetensors"))
    weights = Weights.load(tmp_path / "m.safetensors", image_size=32)
    assert weights.spec == tiny
    for name, array in weights.items():
        np.testing.assert_array_equal(array, model.state_dict()[name].numpy())


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_widened_exactly(tmp_path: Path, weights: Weights, dtype: Any) -> None:
    import torch
    from safetensors.torch import save_file as save_torch_file

    kind = torch.float16 if dtype is np.float16 else torch.bfloat16
    half = {name: torch.tensor(array).to(kind) for name, array in weights.items()}
    save_torch_file(half, tmp_path / "m.safetensors")
    loaded = Weights.load(tmp_path / "m.safetensors")
    for name, tensor in half.items():
        np.testing.assert_array_equal(loaded[name].astype(np.float64), tensor.double().numpy())


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"])
def test_every_element_type_is_read_as_it_is(tmp_path: Path, dtype: str) -> None:
    array = np.array([[0, 1], [1, 1]], dtype=dtype)
    save_file({"a": array}, tmp_path / "m.safetensors")
    found = read_contents(tmp_path / "m.safetensors").tensors["a"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_an_eight_bit_float_is_refused(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save_torch_file

    save_torch_file({"a": torch.ones(2).to(torch.float8_e4m3fn)}, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="a is of type F8_E4M3, which is not read here"):
        read_contents(tmp_path / "m.safetensors")


def test_counters_are_written(tmp_path: Path, weights: Weights) -> None:
    weights.save(tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert file.get_tensor("bn1.num_batches_tracked") == 0
