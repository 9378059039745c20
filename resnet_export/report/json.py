"""A result as JSON; the schemas are in docs/."""

from __future__ import annotations

import json
import math
from typing import Any, Protocol


class Report(Protocol):
    """A result that has plain data."""

    def as_dict(self) -> dict[str, Any]:
        """The data."""
        ...


def render(report: Report) -> str:
    """One JSON object, in ASCII. A number that is not finite is a string, `inf` or `nan`: JSON has none."""
    return json.dumps(_finite(report.as_dict()), indent=2, allow_nan=False)


def render_line(report: Report) -> str:
    """One JSON object in a line, for a result with thousands of samples, all of them finite."""
    return json.dumps(report.as_dict(), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    # Not null, which jq and others take for less than any number.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
