"""Where the truth of a file comes from: a network with its numbers, evaluated in float64."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, outputs_of
from resnet_export.network.folding import classifier_of
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.inputs import InputSet, batched
from resnet_export.parity.results import Inputs, Quantity

Real = type[np.float64 | np.float32]
Outputs = Mapping[str | None, Floats]
"""Name of an output -> its values; None stands for the first."""
OWN_GRAPH = "the file's own graph"
"""What the truth is where a file is held against itself."""
MODEL_ITSELF = "the model itself"
"""What the truth is where the network was read from a live model."""


@dataclass(frozen=True)
class NetworkOracle:
    """A network with its numbers."""

    network: Network
    """As it was before batch norms were folded; its outputs are those that the file gives, but for the head."""
    recall: Callable[[], Numbers]
    """Gives the numbers, which need not be in memory all along."""
    description: str
    """What it evaluates, for people."""
    others: Mapping[str, str] = field(default_factory=dict)
    """What the file calls its outputs behind the first -> the steps of the network that give them."""
    takes_raw: bool = False
    """Whether the network takes what the file takes: its preprocessing is then a part of the network."""
    of_file: bool = False
    """Whether it was read off the file that is checked: its first output is then the file's, whatever it is."""

    def outputs(self, inputs: InputSet, quantity: Quantity, dtype: Real) -> Outputs:
        """Every operation in that precision; the outputs of fewer images are prefixes of these."""
        steps = [step_of(self.network, "logits" if self.of_file else quantity), *self.others.values()]
        found = outputs_of(self.network, self.recall(), self.images(inputs, dtype), steps, dtype)
        return dict(zip((None, *self.others), found, strict=True))

    def images(self, inputs: InputSet, dtype: Real = np.float64) -> Floats:
        """(N, C, H, W), as the network takes them."""
        if self.takes_raw:
            return inputs.raw.astype(dtype)
        return inputs.exact if dtype is np.float64 else inputs.normalised


class Truths:
    """What an oracle makes of every set of inputs; each is computed once, when it is needed."""

    def __init__(self, oracle: NetworkOracle, known: Mapping[tuple[Inputs, Quantity], Outputs] | None = None) -> None:
        """Takes what is known already: kind of inputs and quantity -> outputs in float64."""
        self._oracle = oracle
        self._found: dict[tuple[Any, ...], Outputs] = {}
        for (kind, quantity), outputs in (known or {}).items():
            count = len(next(iter(outputs.values())))
            self._found[kind, quantity == "embedding", np.float64, count] = outputs

    def of(
        self,
        inputs: InputSet,
        quantity: Quantity,
        dtype: Real = np.float64,
        *,
        output: str | None = None,
        batch: int | None = None,
    ) -> Floats:
        """One output in that precision, (N, K) for the first; probabilities stand for the logits they are made of.

        What is made of fewer images is a prefix of what is made of more, unless one image depends on another. `output`
        names another output than the first, and `batch` is the number of images; None for all of the set.
        """
        batch = len(inputs.raw) if batch is None else batch
        if self._oracle.network.mixes_images:
            inputs = inputs.first(batch)
        count = len(inputs.raw)
        key = (inputs.kind, quantity == "embedding", dtype, count)
        if key not in self._found:
            self._found[key] = self._oracle.outputs(inputs, quantity, dtype)
        found = batched(self._found[key][output], count)
        return found if batch == count else found[:batch]


def step_of(network: Network, quantity: Quantity) -> str:
    """The step of the network that gives it: the classifier, or for an embedding what the classifier takes."""
    classifier = classifier_of(network) if quantity == "embedding" else None
    return network.output if classifier is None else classifier.inputs[0]
