"""The former place of `Checker`, for modules that still use it."""

from __future__ import annotations

from tests.report.browser import Checker

__all__ = ["Checker"]
