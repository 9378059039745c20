"""`Contents`: what was found in a checkpoint, before anybody asks which network it is of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from resnet_export.weights.description import Description, Finding


@dataclass(frozen=True)
class Contents:
    """Tensors by name, and what else a checkpoint says."""

    tensors: dict[str, NDArray[Any]]
    notes: tuple[str, ...] = ()
    """What a reader has to know: which of several state_dicts was taken, which prefix was taken off, a part of a
    sentence each."""
    labels: tuple[str, ...] | None = None
    """Class names, where the checkpoint has them."""
    family: str | None = None
    """Whose names the tensors had, where these were not torchvision's."""
    usual: Mapping[str, Any] = field(default_factory=dict)
    """What is usual in that family though no tensor shows it: fields of `ResNetSpec`."""
    description: Description | None = None
    """What the training says of the network, where it wrote that."""
    named: str | None = None
    """What the checkpoint calls its network, such as `resnet50d`."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """What the options of timm's training script say of the pictures, in the names of timm's configurations."""
    unplaced: tuple[str, ...] = ()
    """Names of tensors beside the network's, on which its answers may depend."""
    configured: Mapping[str, Finding] = field(default_factory=dict)
    """Field of the specification -> what a configuration inside the checkpoint shows of it."""

    def findings(self, origin: str) -> dict[str, Finding]:
        """Field of the specification -> what shows it beside the tensors."""
        height, width = self.args.get("input_size", (3, None, None))[1:]
        square = height is not None and height == width
        sized = {"image_size": Finding(height, f"{origin} says image_size {height}")} if square else {}
        return {**sized, **self.configured, **(self.description.findings(origin) if self.description else {})}
