"""Fixtures that all tests share."""

from __future__ import annotations

import pytest

from resnet_export.spec import ResNetSpec


@pytest.fixture(scope="session")
def tiny() -> ResNetSpec:
    """The smallest network worth testing with: ResNet-18 with 8 channels for images of 32 x 32."""
    return ResNetSpec(depth=18, width=8, num_classes=10, image_size=32, stem="cifar")
