"""Where the truth of a file comes from: a network with its numbers, evaluated in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnet_export.errors import ModelError
from resnet_export.graph.foreign import ImageInput
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, outputs_of
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.results import Inputs, Quantity

Real = type[np.float64 | np.float32]
OWN_GRAPH = "the file's own graph"
"""What the truth is where a file is held against itself."""


@dataclass(frozen=True)
class NetworkOracle:
    """A network with its numbers."""

    network: Network
    """As it was before batch norms were folded; its outputs are those that the file gives, but for the head."""
    recall: Callable[[], Numbers]
    """Gives the numbers, which need not be in memory all along."""
    description: str
    """What it evaluates, for people."""
    of_file: bool = False
    """Whether it was read off the file that is checked, whose own preprocessing is then a part of it."""

    def output(self, inputs: InputSet, quantity: Quantity, dtype: Real) -> Floats:
        """(N, K) with every operation in that precision; the output of fewer images is a prefix of it."""
        step = step_of(self.network, "logits" if self.of_file else quantity)
        return outputs_of(self.network, self.recall(), self.images(inputs, dtype), [step], dtype)[0]

    def images(self, inputs: InputSet, dtype: Real = np.float64) -> Floats:
        """(N, C, H, W), as the network takes them."""
        if self.of_file:
            return inputs.raw.astype(dtype)
        return inputs.exact if dtype is np.float64 else inputs.normalised


@dataclass(frozen=True)
class GraphOracle:
    """The file's own graph, where it has operators that no network is read from."""

    path: Path
    """The file, or its copy that ends with the logits."""
    taken: ImageInput
    description: str = OWN_GRAPH
    change: str | None = None
    """What another tool made of the file, for the message about a file that cannot be evaluated."""

    def output(self, inputs: InputSet, quantity: Quantity, dtype: Real) -> Floats:
        """As of `NetworkOracle`, whatever the quantity: it is what the file gives."""
        from resnet_export.parity.reference.evaluator import Evaluator

        try:
            found = Evaluator(self.path, self.taken.name, dtype).output(inputs.file, singly=self.taken.batch is None)
        except ModelError as error:
            if self.change is None:
                raise
            message = f"{error.message} Another tool changed the file after its export: it was {self.change}."
            raise ModelError(message, hint=error.hint) from error
        return found.astype(np.float64) if dtype is np.float64 else found


Oracle = NetworkOracle | GraphOracle
"""Evaluates the network independently of any runtime."""


class Truths:
    """What an oracle makes of every set of inputs; each output is computed once, when it is needed."""

    def __init__(self, oracle: Oracle, known: dict[tuple[Inputs, Quantity], Floats] | None = None) -> None:
        self._oracle = oracle
        self._found: dict[tuple[Any, ...], Floats] = {(*key, np.float64): found for key, found in (known or {}).items()}

    def of(self, inputs: InputSet, quantity: Quantity, dtype: Real = np.float64) -> Floats:
        """(N, K) in that precision."""
        key = (inputs.kind, quantity, dtype)
        if key not in self._found:
            self._found[key] = self._oracle.output(inputs, quantity, dtype)
        return self._found[key]


def step_of(network: Network, quantity: Quantity) -> str:
    """The step of the network that gives it: the classifier, or for an embedding what the classifier takes."""
    return network.step[network.output].inputs[0] if quantity == "embedding" else network.output
