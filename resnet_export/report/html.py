"""The former name of `kit.page`, for modules that still use it."""

from __future__ import annotations

from resnet_export.report.kit.page import POLICY, STYLE

__all__ = ["POLICY", "STYLE"]
