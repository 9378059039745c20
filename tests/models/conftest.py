from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights


@pytest.fixture(params=["tiny", "small", "bottlenecks"])
def spec(request: pytest.FixtureRequest) -> ResNetSpec:
    found: ResNetSpec = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def weights(spec: ResNetSpec, trained: Callable[..., Weights]) -> Weights:
    return trained(spec)
