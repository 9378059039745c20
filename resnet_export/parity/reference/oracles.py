"""Where the truth of a file comes from: the specification with its parameters, or the file's own graph."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnet_export.errors import ModelError
from resnet_export.graph.foreign import ImageInput
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.reference.truth import Floats, Parameters, last_values
from resnet_export.parity.results import Inputs, Quantity
from resnet_export.spec import ResNetSpec

Real = type[np.float64 | np.float32]


@dataclass(frozen=True)
class SpecificationOracle:
    """The specification with its parameters."""

    spec: ResNetSpec
    recall: Callable[[], Parameters]
    """Gives the parameters, which need not be in memory all along."""
    description: str
    """What it evaluates, for people."""

    def output(self, inputs: InputSet, quantity: Quantity, dtype: Real) -> Floats:
        """(N, K) with every operation in that precision; the output of fewer images is a prefix of it."""
        images = inputs.exact if dtype is np.float64 else inputs.normalised
        return last_values(self.spec, self.recall(), images, step_of(quantity), dtype)


@dataclass(frozen=True)
class GraphOracle:
    """The file's own graph."""

    path: Path
    """The file, or its copy that ends with the logits."""
    taken: ImageInput
    description: str = "the file's own graph"
    change: str | None = None
    """What another tool made of the file, for the message about a file that cannot be evaluated."""

    def output(self, inputs: InputSet, quantity: Quantity, dtype: Real) -> Floats:
        """As of `SpecificationOracle`, whatever the quantity: it is what the file gives."""
        from resnet_export.parity.reference.evaluator import Evaluator

        try:
            found = Evaluator(self.path, self.taken.name, dtype).output(inputs.file, singly=self.taken.batch is None)
        except ModelError as error:
            if self.change is None:
                raise
            message = f"{error.message} Another tool changed the file after its export: it was {self.change}."
            raise ModelError(message, hint=error.hint) from error
        return found.astype(np.float64) if dtype is np.float64 else found


Oracle = SpecificationOracle | GraphOracle
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


def step_of(quantity: Quantity) -> str:
    """The step of the specification that gives it."""
    return "flatten" if quantity == "embedding" else "fc"
