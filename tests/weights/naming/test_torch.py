from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.weights.naming.torch import state_dict, without_wrappers

if TYPE_CHECKING:
    from resnet_export.weights import Weights


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_wrappers_are_taken_off(prefix: str) -> None:
    assert without_wrappers(f"{prefix}layer1.0.conv1.weight") == "layer1.0.conv1.weight"


@pytest.mark.parametrize("wrapper", ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"])
def test_what_wraps_a_block_is_taken_off(wrapper: str) -> None:
    assert without_wrappers(f"module.layer1.{wrapper}.0.{wrapper}.conv1.weight") == "layer1.0.conv1.weight"


def test_only_whole_prefixes_are_wrappers() -> None:
    for name in ("modules.conv1.weight", "my_orig_mod.conv1.weight", "encoder.module.weight"):
        assert without_wrappers(name) == name


def test_each_batch_norm_gets_its_counter_after_its_variance(weights: Weights) -> None:
    tensors = state_dict(weights)
    names = list(tensors)
    counters = [name for name in names if name.endswith(".num_batches_tracked")]
    assert len(counters) == 20
    for name in counters:
        assert names[names.index(name) - 1] == name.replace("num_batches_tracked", "running_var")
        assert tensors[name].dtype == np.int64
        assert tensors[name].shape == ()
        assert tensors[name] == 0
