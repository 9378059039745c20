"""What a training says of its network inside the checkpoint, so that an export has to assume nothing.

It is one JSON object. `.safetensors` files keep it in the header's metadata and `.pth` files beside the state_dict,
both under the key `resnet_export`; `.keras` archives have an entry `resnet_export.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from resnet_export.data import Plain, decode, to_json
from resnet_export.errors import CheckpointError, InputError
from resnet_export.images import Preprocessing
from resnet_export.spec import ResNetSpec

KEY, ENTRY = "resnet_export", "resnet_export.json"


class Finding(NamedTuple):
    """One field of the specification, as the tensors or a configuration show it."""

    value: Any
    evidence: str
    """What shows it, as the end of a sentence: "conv1.weight in model.pth takes 3 channels"."""


@dataclass(frozen=True)
class Description(Plain):
    """A network that was trained."""

    specification: ResNetSpec
    preprocessing: Preprocessing
    """How its pictures were prepared."""
    labels: tuple[str, ...]
    """Names of the classes."""

    def findings(self, origin: str) -> dict[str, Finding]:
        """Field of the specification -> what this shows of it."""
        fields: Mapping[str, Any] = self.specification.as_dict()
        return {name: Finding(value, f"{origin} says {name} {value}") for name, value in fields.items()}


def encode(description: Description) -> str:
    """As a checkpoint keeps it."""
    return to_json(description, indent=0)


def read(text: str | bytes, origin: str) -> Description:
    """The inverse of `encode`.

    Raises:
        CheckpointError: it is something else.
    """
    try:
        return decode(Description, text, f"{KEY} in {origin}")
    except InputError as error:
        raise CheckpointError(error.message, hint="Write the checkpoint again, with or without that entry.") from error
