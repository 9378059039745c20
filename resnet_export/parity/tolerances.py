"""Moved to `resnet_export.parity.gate.tolerances`."""

from resnet_export.parity.gate.tolerances import TOLERANCES as TOLERANCES
