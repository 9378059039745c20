"""What a file says of itself: `metadata_props` under `resnet_export.*`, each a JSON value with sorted keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import onnx_ir as ir

from resnet_export.assumptions import Assumption
from resnet_export.data import as_plain, decode, from_json
from resnet_export.errors import ModelError, ResNetExportError
from resnet_export.graph.interface import Interface
from resnet_export.graph.recipe import Quantization
from resnet_export.images import Preprocessing
from resnet_export.network import ROLES, Network
from resnet_export.spec import ResNetSpec
from resnet_export.weights.canonical import digest

PREFIX = "resnet_export."
FORMAT = 1
"""Raised when a key changes its meaning."""


@dataclass(frozen=True)
class Metadata:
    """What is written into the file; nothing of it depends on the framework that the network came from."""

    spec: ResNetSpec | None
    """The network, where it is one of the known family."""
    network: Network | None
    """Else the network as it stands in the file, its batch norms folded."""
    interface: Interface
    preprocessing: Preprocessing
    weights_digest: str
    """SHA-256 of the canonical weights: where the numbers came from."""
    initializers_digest: str
    """SHA-256 of the file's own initializers: whether they are still those that were written."""
    labels: tuple[str, ...] | None = None
    """Names of the classes, in the order of the logits."""
    assumptions: tuple[Assumption, ...] = ()
    """What was taken for granted, since the source can't show it."""
    quantization: Quantization | None = None
    """How it was quantised, in a file of reduced precision."""

    @property
    def canonical(self) -> Network:
        """The network as it stands in the file."""
        if self.spec is not None:
            return self.spec.canonical
        assert self.network is not None, "a file says which network it is"
        return self.network

    @property
    def title(self) -> str:
        """`ResNet-18`, or what a network without a name is."""
        return "network" if self.spec is None else self.spec.title

    def to_props(self) -> dict[str, str]:
        """Key -> JSON, sorted."""
        entries: dict[str, Any] = {"format": FORMAT, **as_plain(self)}
        entries["specification"] = entries.pop("spec")
        absent = {key for key in ("labels", "network", "quantization", "specification") if entries[key] is None}
        absent |= set() if self.assumptions else {"assumptions"}
        known = {key: value for key, value in sorted(entries.items()) if key not in absent}
        return {f"{PREFIX}{key}": json.dumps(value, sort_keys=True) for key, value in known.items()}

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> Self:
        """Reads what `to_props` wrote.

        Raises:
            ModelError: the file was not written by this package, by a later format of it, or was damaged.
        """
        entries = {key.removeprefix(PREFIX): value for key, value in props.items() if key.startswith(PREFIX)}
        if not entries:
            raise ModelError(
                "The file has no resnet_export metadata: it was not written by resnet-export.",
                hint="Export the network with resnet-export, and give that file.",
            )
        try:
            data = {key: from_json(value) for key, value in entries.items()}
            if data["format"] != FORMAT:
                raise ModelError(
                    f"The file's metadata has format {data['format']}, and this release reads format {FORMAT}.",
                    hint="Update with: pip install --upgrade resnet-export",
                )
            labels = data.get("labels")
            network = _network(data["network"]) if "network" in data else None
            made = data.get("quantization")
            return cls(
                spec=ResNetSpec(**data["specification"]) if network is None else None,
                network=network,
                interface=Interface(**data["interface"]),
                preprocessing=decode(Preprocessing, data["preprocessing"], "the preprocessing"),
                weights_digest=data["weights_digest"],
                initializers_digest=data["initializers_digest"],
                labels=None if labels is None else tuple(labels),
                assumptions=tuple(Assumption(**one) for one in data.get("assumptions", ())),
                quantization=None if made is None else decode(Quantization, made, "the quantisation"),
            )
        except ModelError:
            raise
        except (ResNetExportError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ModelError(
                f"The file's resnet_export metadata is damaged ({type(error).__name__}: {error}).",
                hint="Export the network again.",
            ) from error


def _network(data: Any) -> Network:
    """The network out of JSON, which has lists for tuples.

    Raises:
        ValueError: it is none; so are the other errors of damaged attributes.
    """
    network = decode(Network, data, "the network")
    steps = []
    for step in network.steps:
        attributes = {name: _attribute(value) for name, value in step.attributes.items()}
        parameters = {role: step.parameters[role] for role in ROLES if role in step.parameters}
        steps.append(replace(step, attributes=attributes, parameters=parameters))
    found = replace(network, steps=tuple(steps))
    if not found.outputs or not found.shapes.keys() >= {*found.outputs}:
        raise ValueError("the network gives no output")
    return found


def _attribute(value: Any) -> Any:
    """An attribute out of JSON, which has lists for tuples and no infinities."""
    if isinstance(value, list):
        return tuple(value)
    return float(value) if value in ("inf", "-inf") else value


def is_ours(model: ir.Model) -> bool:
    """Whether the file says of itself that this package wrote it."""
    return any(key.startswith(PREFIX) for key in model.metadata_props)


def initializers_digest(model: ir.Model) -> str:
    """SHA-256 of the numbers that the file holds, in whatever order."""
    arrays = {}
    for name, value in sorted(model.graph.initializers.items()):
        assert value.const_value is not None, "a bound graph has numbers"
        arrays[name] = value.const_value.numpy()
    return digest(arrays)
