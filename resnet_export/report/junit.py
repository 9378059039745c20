"""The former name of `kit.junit`, for modules that still use it."""

from __future__ import annotations

from resnet_export.report.kit.junit import DECLARATION, OUTCOMES

__all__ = ["DECLARATION", "OUTCOMES"]
