"""What a session makes of the inputs, collected in one go: the session can be closed before anything is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.errors import RuntimeFailedError
from resnet_export.parity.subject import softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Inputs, Quantity
    from resnet_export.runtimes.session import Placement, Precision, Session

SOFTMAX_TOLERANCE = 8 * 2.0**-24
"""Of a probability: exp, sum and quotient round once each, and exp's own error is a few units."""


@dataclass(frozen=True)
class Suspect:
    """An evaluation to be held against the truth."""

    label: str
    """What messages call it: `the file`, `the torch model`."""
    open: Callable[[], Session]
    """Opens its session; more than once, where a failure is looked into."""


@dataclass(frozen=True)
class Evaluation:
    """The outputs of a suspect."""

    suspect: Suspect
    runtime: str
    precision: Precision
    placement: Placement
    quantity: Quantity
    """What the outputs are."""
    outputs: Mapping[tuple[Inputs, int], NDArray[Any]]
    """By the kind of inputs and the batch: (batch, K)."""
    batches_left_out: tuple[int, ...]
    """That the runtime does not take."""
    shows_values: bool
    """Whether a session of it can be looked into."""
    softmax_error: float | None
    """Largest difference of its probabilities from the softmax of its own logits; None where it gives no such two."""
    version: str
    """What ran, for people."""

    @property
    def softmax_wrong(self) -> bool:
        """Whether its probabilities are not the softmax of its logits."""
        return self.softmax_error is not None and not self.softmax_error <= SOFTMAX_TOLERANCE


def evaluate(suspect: Suspect, sets: Sequence[InputSet], given: Quantity) -> Evaluation:
    """Opens a suspect, runs it on every batch of every set, and closes it.

    Args:
        suspect: what to open.
        sets: random images, and pictures.
        given: what the file's first output is.
    """
    with suspect.open() as session:
        quantity, of = _output_of(session, given)
        outputs: dict[tuple[Inputs, int], NDArray[Any]] = {}
        left_out = set()
        for inputs in sets:
            for batch in inputs.batches:
                images = (inputs.file if session.takes_file_input else inputs.normalised)[:batch]
                if session.batches is None or batch in session.batches:
                    outputs[inputs.kind, batch] = of(images)
                elif inputs.kind == "pictures" and 1 in session.batches:
                    singles = [of(images[index : index + 1]) for index in range(batch)]
                    outputs[inputs.kind, batch] = np.concatenate(singles)
                else:
                    left_out.add(batch)
        error = None
        if given == "probabilities" and quantity == "logits" and session.takes_file_input:
            images = sets[0].file[: max(batch for kind, batch in outputs if kind == sets[0].kind)]
            error = float(np.abs(session.run(images) - softmax(of(images).astype(np.float64))).max())
        return Evaluation(
            suspect=suspect,
            runtime=session.name,
            precision=session.precision,
            placement=session.placement(),
            quantity=quantity,
            outputs=outputs,
            batches_left_out=tuple(sorted(left_out)),
            shows_values=session.shows_values,
            softmax_error=error,
            version=session.version,
        )


def _output_of(session: Session, given: Quantity) -> tuple[Quantity, Callable[[NDArray[Any]], NDArray[Any]]]:
    """What is compared, and how to get it: the logits, where a session can show what stands before the softmax."""

    def value(name: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
        return lambda images: _only(session.values(images, [name]), name, session)

    if not session.takes_file_input:
        return ("embedding", value("flatten")) if given == "embedding" else ("logits", session.run)
    if given == "probabilities" and session.shows_values:
        return "logits", value("logits")
    return given, session.run


def _only(values: dict[str, NDArray[Any]], name: str, session: Session) -> NDArray[Any]:
    if name not in values:
        raise RuntimeFailedError(f"{session.name} does not show the value {name}.")
    return values[name]
