"""The former name of `kit.svg`, for modules that still use it."""

from __future__ import annotations

from resnet_export.report.kit.page import text
from resnet_export.report.kit.svg import SHAPES, Axis, Chart
from resnet_export.report.kit.svg import linear as from_zero

__all__ = ["SHAPES", "Axis", "Chart", "from_zero", "text"]
