"""`Finding`: a field of the specification, and what shows it."""

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One field of the specification as the tensors show it."""

    value: Any
    evidence: str
    """What shows it, as the end of a sentence: "conv1.weight in model.pth takes 3 channels"."""
