"""The first wrong layer: every step is evaluated in float64 from the inputs that the suspect itself gave to it.

    local error(step) = max |suspect's output - float64 step(suspect's inputs)|

A step is wrong where its local error is more than 4 times that of NumPy's float32 (or of the floor): the rule of
the gate, applied to one layer. Errors do not add up along the network this way, so that the first wrong layer is
the one that is wrong, and not the one where an earlier mistake has grown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resnet_export.parity.gate import FILE_FACTOR, floor, max_error
from resnet_export.parity.truth import apply

if TYPE_CHECKING:
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.truth import Floats, Parameters
    from resnet_export.runtimes.session import Session
    from resnet_export.spec import ResNetSpec


@dataclass(frozen=True)
class LocalError:
    """How far one step is from what its own inputs make of it."""

    layer: str
    error: float
    bound: float

    @property
    def wrong(self) -> bool:
        """Whether rounding does not explain it."""
        return self.error > self.bound


def local_errors(
    session: Session, spec: ResNetSpec, parameters: Parameters, inputs: InputSet, batch: int
) -> list[LocalError]:
    """The local error of every step whose output the session can show, in the order of the network."""
    images = inputs.file if session.takes_file_input else inputs.normalised
    names = [step.name for step in spec.steps]
    shown = session.values(images[:batch], [*names, "logits", "embedding"])
    # the heads' names of the two values that a head can be made of
    for head, name in (("logits", "fc"), ("embedding", "flatten")):
        if head in shown:
            shown[name] = shown.pop(head)
    values: dict[str, Floats] = {"input": inputs.exact[:batch]}
    errors = []
    for step in spec.steps:
        if step.op == "Gemm" and f"{step.name}.weight" not in parameters:
            break
        sources = [values[name] for name in step.inputs]
        exact = apply(step, sources, parameters, spec.eps, np.float64).astype(np.float64, copy=False)
        values[step.name] = exact
        if step.name in shown:
            single = apply(step, [source.astype(np.float32) for source in sources], parameters, spec.eps, np.float32)
            bound = FILE_FACTOR * max(max_error(single, exact), floor(exact))
            errors.append(LocalError(step.name, max_error(shown[step.name], exact), bound))
            if shown[step.name].shape == exact.shape:
                values[step.name] = shown[step.name].astype(np.float64)
    return errors
