"""The former names of `values`, for modules that still use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.cli.values import COUNTS, DURATION, DURATIONS, SHARE

if TYPE_CHECKING:
    from resnet_export.cli.values import Value


def Counts() -> Value:  # noqa: N802
    """Whole numbers from 1."""
    return COUNTS


def Duration() -> Value:  # noqa: N802
    """In milliseconds."""
    return DURATION


def Gaps() -> Value:  # noqa: N802
    """Durations."""
    return DURATIONS


def Share() -> Value:  # noqa: N802
    """A fraction of 1."""
    return SHARE
