"""A result as JSON; the schemas are in docs/report.md and docs/verify.md."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet_export.parity.results import VerifyReport
    from resnet_export.report.data import ExportReport


def render(report: ExportReport | VerifyReport) -> str:
    """One JSON object, in ASCII. A number that is not finite is a string, `inf` or `nan`: JSON has none."""
    return json.dumps(_finite(report.as_dict()), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    # Not null, which jq and others take for less than any number.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
