"""Where the truth of a file comes from: the specification with its parameters, or the file's own graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from resnet_export.errors import ModelError
from resnet_export.parity.truth import float32_values, last_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.graph.foreign import ImageInput
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Quantity
    from resnet_export.parity.truth import Floats, Parameters, Truth
    from resnet_export.spec import ResNetSpec


class Oracle(Protocol):
    """Evaluates the network independently of any runtime."""

    @property
    def description(self) -> str:
        """What it evaluates, for people."""
        ...

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """(N, K) in float64; of fewer images it is a prefix of it."""
        ...

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """The same with every operation in float32."""
        ...


@dataclass(frozen=True)
class SpecificationOracle:
    """The specification with its parameters."""

    spec: ResNetSpec
    recall: Callable[[], Parameters]
    """Gives the parameters, which need not be in memory all along."""
    description: str

    @property
    def parameters(self) -> Parameters:
        """Name -> array."""
        return self.recall()

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """See `Oracle`."""
        return last_values(self.spec, self.parameters, inputs.exact, step_of(quantity))

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """See `Oracle`."""
        return float32_values(self.spec, self.parameters, inputs.normalised, step_of(quantity))


@dataclass(frozen=True)
class GraphOracle:
    """The file's own graph."""

    path: Path
    """Of the file, or of its copy that ends with the logits."""
    taken: ImageInput
    description: str = "the file's own graph"
    change: str | None = None
    """What another tool made of the file, for the message of what cannot be evaluated."""

    def exact(self, inputs: InputSet, quantity: Quantity) -> Truth:
        """See `Oracle`."""
        return self._output(inputs, np.float64).astype(np.float64)

    def rounded(self, inputs: InputSet, quantity: Quantity) -> Floats:
        """See `Oracle`."""
        return self._output(inputs, np.float32)

    def _output(self, inputs: InputSet, dtype: type[np.float64 | np.float32]) -> Floats:
        from resnet_export.parity.evaluator import Evaluator

        try:
            return Evaluator(self.path, self.taken.name, dtype).output(inputs.file, singly=self.taken.batch is None)
        except ModelError as error:
            if self.change is None:
                raise
            told = f"{error.message} Another tool changed the file after its export: it was {self.change}."
            raise ModelError(told, hint=error.hint) from error


def step_of(quantity: Quantity) -> str:
    """The step of the specification that gives it."""
    return "flatten" if quantity == "embedding" else "fc"
