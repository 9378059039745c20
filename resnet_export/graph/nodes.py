"""`NodePlan`: a node of a finished file."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from resnet_export.network import Step


class NodePlan(NamedTuple):
    """A node of a finished file."""

    name: str
    op: str
    inputs: tuple[str, ...]
    """Names of the values and initializers that it takes."""
    attributes: Mapping[str, Any]
    output: str
    """The name of what it gives."""
    step: Step | None = None
    """None for a node that stands around the network: preprocessing, and what follows the logits."""

    @classmethod
    def around(cls, name: str, op: str, *inputs: str, **attributes: Any) -> Self:
        """A node that stands around the network; what it gives has its name."""
        return cls(name, op, inputs, attributes, name)
