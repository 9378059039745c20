"""The former name of `kit.page`, for modules that still use it."""

from __future__ import annotations

from resnet_export.report.figures import digits
from resnet_export.report.kit.page import datum, row, table

__all__ = ["figure", "row", "table"]


def figure(value: float, where: str, shown: str | None = None) -> str:
    """A number that says which of the JSON's it is."""
    return datum(digits(value) if shown is None else shown, where)
