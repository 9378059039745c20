from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.weights import Weights

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec


def shaken(spec: ResNetSpec, seed: int = 0) -> Weights:
    """Weights with no two tensors alike: initial ones have the same batch norm everywhere."""
    generator = np.random.default_rng(seed)
    draw = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in spec.parameters.items()}
    return Weights(spec, {name: abs(array) if "running_var" in name else array for name, array in draw.items()})


@pytest.fixture(scope="session")
def weights(tiny: ResNetSpec) -> Weights:
    return shaken(tiny)


@pytest.fixture(scope="session")
def deep(tiny: ResNetSpec) -> Weights:
    """Bottlenecks."""
    return shaken(replace(tiny, depth=50))
